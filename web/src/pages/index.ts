// The pages, in the order of the keys 1 to 9. A page shows what `source` answers about the files in `route`.
import type { ComponentType } from "preact";
import type { Route } from "../route";
import { visible } from "../format";
import type { FileInfo, Source } from "../source";
import { Changes } from "./Changes";
import { Keeps } from "./Keeps";
import { Made } from "./Made";
import { ObjectPage } from "./Object";
import { Overview } from "./Overview";
import { Time } from "./Time";
import { Tracked } from "./Tracked";
import { Waste } from "./Waste";
import { What } from "./What";

export interface PageProps {
  route: Route;
  source: Source;
}

export interface PageRow {
  id: string;
  title: string;
  /** "": it is reached by links alone */
  key: string;
  /** Why there is nothing to show of this file, or null. */
  needs: (file: FileInfo, files: FileInfo[]) => string | null;
  Page: ComponentType<PageProps>;
}

function has(part: string, lack: string): PageRow["needs"] {
  return (file, files) => {
    if (file.has.includes(part)) return null;
    const other = files.find((one) => one.has.includes(part));
    return other ? `${lack} Choose ${visible(other.name, 100)} above: that file has them.` : lack;
  };
}

const objects = has("objects", "This file has no objects, only what was recorded, sampled or tracked.");
const sites = has("sites", "Allocations were not recorded. `tonnage run --trace app.py` records who makes what.");
const samples = has(
  "samples",
  "Time was not sampled. `tonnage run --sample app.py` does, and so does `tonnage sample app.py`.",
);
const tracked = has(
  "tracked",
  "No class was tracked. `tonnage run --track app.models.Session app.py` follows its instances.",
);
const always = () => null;

export const PAGES: PageRow[] = [
  { id: "overview", title: "Overview", key: "1", needs: always, Page: Overview },
  { id: "what", title: "What", key: "2", needs: objects, Page: What },
  { id: "keeps", title: "Who keeps", key: "3", needs: objects, Page: Keeps },
  { id: "made", title: "Who made", key: "4", needs: sites, Page: Made },
  { id: "changes", title: "How it changes", key: "5", needs: always, Page: Changes },
  { id: "time", title: "Where time goes", key: "6", needs: samples, Page: Time },
  { id: "tracked", title: "Tracked", key: "7", needs: tracked, Page: Tracked },
  { id: "waste", title: "Waste", key: "8", needs: objects, Page: Waste },
  { id: "object", title: "Object", key: "", needs: objects, Page: ObjectPage },
];
