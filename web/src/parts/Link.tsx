// A link to a page. Where the report cannot answer what that page would ask, it is marked.
import type { ComponentChildren } from "preact";
import { link } from "../route";
import type { Asked, Source } from "../source";

interface Props {
  page: string;
  params?: Asked;
  /** The question that the page will ask, and of whom. */
  source?: Source;
  needs?: [view: string, asked: Asked];
  children: ComponentChildren;
}

export function Link({ page, params = {}, source, needs, children }: Props) {
  const absent = source && needs && !source.has(needs[0], needs[1]);
  return (
    <a
      href={link(page, params)}
      class={absent ? "absent" : ""}
      title={absent ? "Not in this report; `tonnage serve FILE` answers it" : undefined}
    >
      {children}
    </a>
  );
}

/** An object, by its address. */
export function ObjectLink({
  address,
  source,
  params = {},
  children,
}: {
  address: string;
  source: Source;
  params?: Asked;
  children?: ComponentChildren;
}) {
  const { file } = params;
  return (
    <Link page="object" params={{ object: address }} source={source} needs={["show", { object: address, file }]}>
      {children ?? address}
    </Link>
  );
}
