/** Pictures out of what was dropped, pasted or chosen: files, whole folders, addresses. */
const MOST = 20_000;
const ENDINGS = /\.(jpe?g|png|gif|webp|bmp|tiff?|heic|heif|avif|ppm|pgm|jp2)$/i;

const isPicture = (file: File): boolean => file.type.startsWith('image/') || ENDINGS.test(file.name);

export async function picturesIn(transfer: DataTransfer): Promise<File[]> {
  // entries must be asked for before anything is awaited
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter((entry) => entry !== null && entry !== undefined);
  if (!entries.some((entry) => entry.isDirectory)) return chosen([...transfer.files]);
  const found: File[] = [];
  const waiting = [...entries];
  while (waiting.length && found.length < MOST) {
    const entry = waiting.shift();
    if (!entry) break;
    if (entry.isFile) found.push(await fileOf(entry as FileSystemFileEntry));
    else waiting.push(...(await entriesOf(entry as FileSystemDirectoryEntry)));
  }
  return chosen(found);
}

/** What is a picture; a single file is sent whatever it is, so that the service says what is wrong with it. */
export function chosen(files: File[]): File[] {
  return files.length === 1 ? files : files.filter(isPicture);
}

export function addressesIn(transfer: DataTransfer): string[] {
  const text = transfer.getData('text/uri-list') || transfer.getData('text/plain');
  return text
    .split(/\s+/)
    .filter((line) => /^https?:\/\/\S+$/.test(line))
    .slice(0, 100);
}

const fileOf = (entry: FileSystemFileEntry): Promise<File> => new Promise((resolve, reject) => entry.file(resolve, reject));

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return all.sort((a, b) => a.name.localeCompare(b.name));
    all.push(...some);
  }
}
