// The files of a folder, by time, kind and process: one is opened, or several are compared.
import { useState } from "preact/hooks";
import { Switches } from "./app";
import { bytes, count, time, visible } from "./format";
import { Table, type Column } from "./parts/Table";
import type { FileInfo, Source } from "./source";

/** The present address, token and all, with the chosen files in it: `tonnage serve` answers with the viewer over them. */
function address(chosen: number[]): string {
  const query = new URLSearchParams(location.search);
  query.set("open", chosen.join(","));
  return `?${query.toString().replaceAll("%2C", ",")}`;
}

function fileText(file: FileInfo): string {
  return (file.folder ? `${file.folder}/` : "") + file.name + (file.error ? `: ${file.error}` : "");
}

export function Folder({ source }: { source: Source }) {
  const [chosen, setChosen] = useState<number[]>([]);
  const toggle = (index: number) =>
    setChosen(chosen.includes(index) ? chosen.filter((one) => one !== index) : [...chosen, index]);
  const columns: Column<FileInfo>[] = [
    {
      id: "chosen",
      title: "Compare",
      text: () => "☐",
      cell: (file) => (
        <input
          type="checkbox"
          checked={chosen.includes(file.index)}
          disabled={Boolean(file.error)}
          aria-label={`Compare ${visible(file.name, 80)}`}
          onChange={() => toggle(file.index)}
        />
      ),
    },
    { id: "time", title: "Taken", text: (file) => time(file.wall_time_ns), value: (file) => file.wall_time_ns },
    {
      id: "kind",
      title: "Kind",
      text: (file) => file.kind ?? file.has.join(", "),
      value: (file) => file.kind ?? "",
      spare: 1,
    },
    {
      id: "pid",
      title: "Process",
      right: true,
      text: (file) => (file.pid === null ? "unknown" : String(file.pid)),
      value: (file) => file.pid,
    },
    {
      id: "python",
      title: "Python",
      text: (file) => file.python_version ?? "unknown",
      value: (file) => file.python_version,
      spare: 2,
    },
    {
      id: "objects",
      title: "Objects",
      right: true,
      text: (file) => count(file.n_objects),
      value: (file) => file.n_objects ?? null,
      spare: 2,
    },
    {
      id: "size",
      title: "Their size",
      right: true,
      text: (file) => bytes(file.size_bytes),
      value: (file) => file.size_bytes ?? null,
      spare: 1,
    },
    {
      id: "command",
      title: "Command",
      text: (file) => file.command ?? "unknown",
      value: (file) => file.command ?? "",
      spare: 4,
    },
    {
      id: "name",
      title: "File",
      text: (file) => fileText(file),
      value: (file) => fileText(file),
      cell: (file) =>
        file.error ? visible(fileText(file), 300) : <a href={address([file.index])}>{visible(fileText(file), 300)}</a>,
    },
  ];
  return (
    <>
      <header>
        <p class="files">
          <strong>tonnage</strong>
        </p>
        <Switches />
      </header>
      <main id="main">
        <h1>Files</h1>
        <Table
          label="Files"
          columns={columns}
          rows={source.files}
          id={(file) => String(file.index)}
          sort={{ by: "time", down: true }}
          open={(file) => file.error || location.assign(address([file.index]))}
          empty="There is no file that tonnage wrote"
        />
        <p>
          <button type="button" disabled={chosen.length === 0} onClick={() => location.assign(address(chosen))}>
            {chosen.length < 2 ? "Open" : `Compare ${chosen.length} files`}
          </button>
        </p>
      </main>
    </>
  );
}
