// Markdown as elements, never as HTML: headings, lists, quotes, code, emphasis. Links and pictures stay text.
import type { ComponentChild } from "preact";

export function Markdown({ text }: { text: string }) {
  return <>{blocks(text.slice(0, 200_000).split("\n"))}</>;
}

function blocks(lines: string[]): ComponentChild[] {
  const found: ComponentChild[] = [];
  for (let i = 0; i < lines.length; ) {
    const line = lines[i]!;
    const take = (matches: (line: string) => boolean) => {
      const start = i;
      while (i < lines.length && matches(lines[i]!)) i++;
      return lines.slice(start, i);
    };
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    if (!line.trim()) i++;
    else if (/^```/.test(line)) {
      i++;
      found.push(<pre>{take((each) => !/^```/.test(each)).join("\n")}</pre>);
      i++;
    } else if (heading) {
      const Level = `h${Math.min(heading[1]!.length + 1, 6)}` as "h2";
      found.push(<Level>{spans(heading[2]!)}</Level>);
      i++;
    } else if (/^\s*[-*+]\s+/.test(line)) {
      found.push(<ul>{take((each) => /^\s*[-*+]\s+/.test(each)).map((each) => <li>{spans(each.replace(/^\s*[-*+]\s+/, ""))}</li>)}</ul>);
    } else if (/^\s*\d+[.)]\s+/.test(line)) {
      found.push(<ol>{take((each) => /^\s*\d+[.)]\s+/.test(each)).map((each) => <li>{spans(each.replace(/^\s*\d+[.)]\s+/, ""))}</li>)}</ol>);
    } else if (/^>/.test(line)) {
      found.push(<blockquote>{spans(take((each) => /^>/.test(each)).map((each) => each.replace(/^>\s?/, "")).join(" "))}</blockquote>);
    } else if (/^\|/.test(line)) {
      const rows = take((each) => /^\|/.test(each)).filter((each) => !/^\|[\s:|-]+$/.test(each));
      found.push(
        <table class="values">
          <tbody>
            {rows.map((row) => (
              <tr>{row.replace(/^\||\|\s*$/g, "").split("|").map((cell) => <td>{spans(cell.trim())}</td>)}</tr>
            ))}
          </tbody>
        </table>,
      );
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      found.push(<hr />);
      i++;
    } else found.push(<p>{spans(take((each) => each.trim() !== "" && !/^(#{1,6}\s|```|>|\||\s*[-*+]\s)/.test(each)).join(" ") || lines[i++]!)}</p>);
  }
  return found;
}

function spans(text: string): ComponentChild[] {
  const found: ComponentChild[] = [];
  const pattern = /`([^`]+)`|\*\*([^*]+)\*\*|__([^_]+)__|\*([^*\s][^*]*)\*|\[([^\]]*)\]\(([^)]*)\)/g;
  let place = 0;
  for (const match of text.matchAll(pattern)) {
    found.push(text.slice(place, match.index));
    const [whole, code, strong, strong2, emphasis, label, target] = match;
    if (code !== undefined) found.push(<code>{code}</code>);
    else if (strong !== undefined || strong2 !== undefined) found.push(<strong>{strong ?? strong2}</strong>);
    else if (emphasis !== undefined) found.push(<em>{emphasis}</em>);
    else found.push(<span title={target}>{label}</span>);
    place = match.index + whole.length;
  }
  found.push(text.slice(place));
  return found;
}
