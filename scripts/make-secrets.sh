#!/bin/sh
# Makes the secrets that docker-compose.yml mounts, where there are none, at random.
# What is there stays: a database keeps the password that it was made with.
set -eu
folder="$(dirname "$0")/../secrets"
mkdir -p "$folder"
chmod 700 "$folder"
random() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
for name in postgres_password qdrant_api_key; do
  [ -s "$folder/$name" ] || random > "$folder/$name"
done
[ -s "$folder/database_url" ] || printf 'postgresql+psycopg://categoriser:%s@postgres:5432/categoriser' \
  "$(cat "$folder/postgres_password")" > "$folder/database_url"
chmod 644 "$folder"/*  # the containers' users are others than ours; the folder keeps everybody else out
