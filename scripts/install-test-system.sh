#!/bin/sh
# Installs the system programs that some tests need and that are skipped, with the reason, where they are missing.
# Debian and Ubuntu; run as root.
#   postgresql  tests/catalog and tests/library run the catalog on a temporary cluster of their own as well
#   chromium    screenshots of the demo's contact sheet and of the web page
set -eu
apt-get update
apt-get install -y --no-install-recommends postgresql chromium
