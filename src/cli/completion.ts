/** `labelway completion`: scripts made from what the commands declare. */

import {
  type Command,
  type Group,
  type NameKind,
  OK,
  type Option,
  type Registry,
} from "./command.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;

export const completion: Command = {
  name: "completion",
  summary: "Print a script that completes this program's words in a shell",
  options: {},
  positional: [{ name: "SHELL", help: "Which shell", choices: SHELLS }],
  examples: [
    ["completion bash > /etc/bash_completion.d/labelway", "For everybody's bash"],
    ["completion zsh > ~/.zfunc/_labelway", "For a zsh with ~/.zfunc in its fpath"],
    ["completion fish > ~/.config/fish/completions/labelway.fish", "For fish"],
  ],
  run: async (args, io) => {
    const { PROGRAM } = await import("./program.ts");
    const places = await walk(PROGRAM.commands);
    const render = { bash: renderBash, zsh: renderZsh, fish: renderFish };
    io.out(render[args.positional[0] as typeof SHELLS[number]](PROGRAM.name, places));
    return OK;
  },
};

/** A word, what it means, and the values that it accepts if they are known. */
interface Word {
  readonly word: string;
  readonly help: string;
  readonly choices?: readonly string[] | undefined;
  readonly takesValue?: boolean;
  readonly names?: NameKind | undefined;
}

/** A point in the command line, after some command words, and what may come there. */
export interface Place {
  /** `["lab", "up"]` */
  readonly path: readonly string[];
  readonly commands: readonly Word[];
  readonly options: readonly Word[];
  /** Accepted values of the positional arguments, where they are a closed set. */
  readonly choices: readonly string[];
  /** Whether a file may be meant. */
  readonly files: boolean;
  /** What each positional argument names, by its place. */
  readonly names: readonly (NameKind | undefined)[];
  /** Which of them is the file that tells the names; -1: the running router does. */
  readonly told: number;
}

export async function walk(registry: Registry, path: readonly string[] = []): Promise<Place[]> {
  const loaded = await Promise.all(
    Object.entries(registry).map(async ([name, load]) => [name, await load()] as const),
  );
  const here: Place = {
    path,
    commands: loaded.map(([word, { summary }]) => ({ word, help: summary })),
    options: path.length === 0 ? [HELP, { word: "--version", help: "Print the version" }] : [HELP],
    choices: [],
    files: false,
    names: [],
    told: -1,
  };
  const below = await Promise.all(loaded.map(([name, found]) => placesOf([...path, name], found)));
  return [here, ...below.flat()];
}

async function placesOf(path: readonly string[], found: Command | Group): Promise<Place[]> {
  if ("commands" in found) return await walk(found.commands, path);
  const options = Object.entries(found.options).flatMap(([name, option]) =>
    optionWords(name, option)
  );
  return [{
    path,
    commands: [],
    options: [...options, HELP],
    choices: found.positional.flatMap(({ choices }) => choices ?? []),
    files: found.positional.some(({ name }) => FILES.test(name)),
    names: found.positional.map(({ names }) => names),
    told: found.positional.findIndex(({ name }) => FILES.test(name)),
  }];
}

const FILES = /FILE|TOPOLOGY|PATH/;

function optionWords(name: string, option: Option): Word[] {
  const rest = {
    help: option.help,
    choices: option.choices,
    names: option.names,
    takesValue: option.kind !== "flag" && option.bare === undefined,
  };
  const long = { word: `--${name}`, ...rest };
  return option.short === undefined ? [long] : [long, { word: `-${option.short}`, ...rest }];
}

const HELP: Word = { word: "--help", help: "Say what it does and accepts" };

function renderBash(name: string, places: readonly Place[]): string {
  const cases = places.map((place) => {
    const words = [...place.commands, ...place.options].map(({ word }) => word);
    const values = place.options.flatMap(({ word, choices, takesValue, names }) =>
      takesValue !== true ? [] : [
        names !== undefined
          ? `        ${word}) COMPREPLY=($(compgen -W "$(${
            asking(place, names)
          })" -- "$cur")); return ;;`
          : choices === undefined
          ? `        ${word}) COMPREPLY=($(compgen -f -- "$cur")); return ;;`
          : `        ${word}) COMPREPLY=($(compgen -W ${
            quote(choices.join(" "))
          } -- "$cur")); return ;;`,
      ]
    );
    return [
      `    ${quote(place.path.join(" "))})`,
      ...(values.length === 0 ? [] : ['      case "$prev" in', ...values, "      esac"]),
      `      words=${quote([...words, ...place.choices].join(" "))}`,
      ...namedByPlace(place, (ask) => `words+=" $(${ask})"`),
      `      files=${place.files ? "-f" : ""} ;;`,
    ].join("\n");
  });
  const known = places.map(({ path }) => path.join(" ")).filter((path) => path !== "");
  return `# bash completion of ${name}; source it, or put it where bash looks for completions.
_${name}() {
  local cur="\${COMP_WORDS[COMP_CWORD]}" prev="" place="" words="" files="" next i
  local program="\${COMP_WORDS[0]}" given=()
  ((COMP_CWORD > 0)) && prev="\${COMP_WORDS[COMP_CWORD - 1]}"
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    next="\${place:+$place }\${COMP_WORDS[i]}"
    case "$next" in
      ${known.map(quote).join("|")}) place="$next" ;;
${skipped(places, "((i += 1))")}
      *" -"*) ;;
      *) given+=("\${COMP_WORDS[i]}") ;;
    esac
  done
  case "$place" in
${cases.join("\n")}
  esac
  COMPREPLY=($(compgen $files -W "$words" -- "$cur"))
}
complete -o filenames -F _${name} ${name}`;
}

function renderZsh(name: string, places: readonly Place[]): string {
  const cases = places.map((place) => {
    const words = [...place.commands, ...place.options].map(({ word, help }) =>
      `      ${quote(`${word.replaceAll(":", "\\:")}:${help}`)}`
    );
    const choices = place.choices.map((choice) => `      ${quote(choice.replaceAll(":", "\\:"))}`);
    const values = place.options.flatMap(({ word, choices, takesValue, names }) =>
      takesValue !== true ? [] : [
        `        ${word}) ${
          names !== undefined
            ? `compadd -- \${(f)"$(${asking(place, names)})"}`
            : choices === undefined
            ? "_files"
            : `compadd -- ${choices.map(quote).join(" ")}`
        }; return ;;`,
      ]
    );
    return [
      `    ${quote(place.path.join(" "))})`,
      ...(values.length === 0 ? [] : ['      case "$prev" in', ...values, "      esac"]),
      "      accepted=(",
      ...words,
      ...choices,
      "      )",
      ...namedByPlace(place, (ask) => `accepted+=(\${(f)"$(${ask})"})`),
      `      files=${place.files ? 1 : 0} ;;`,
    ].join("\n");
  });
  const known = places.map(({ path }) => path.join(" ")).filter((path) => path !== "");
  return `#compdef ${name}
_${name}() {
  local place="" next="" prev="\${words[CURRENT-1]}" files=0 i program="\${words[1]}"
  local -a accepted given
  for ((i = 2; i < CURRENT; i++)); do
    next="\${place:+$place }\${words[i]}"
    case "$next" in
      ${known.map(quote).join("|")}) place="$next" ;;
${skipped(places, "((i += 1))")}
      *" -"*) ;;
      *) given+=("\${words[i]}") ;;
    esac
  done
  case "$place" in
${cases.join("\n")}
  esac
  _describe '${name}' accepted
  ((files)) && _files
}
compdef _${name} ${name}`;
}

/** Asks the program itself for names; `$told` is the file that tells them. */
function asking({ path, told }: Place, names: NameKind): string {
  const command = path[0] === "lab" ? "lab names" : "names";
  const file = told < 0 ? "" : ` "\${given[@]:${told}:1}"`;
  return `"$program" ${command} ${names}${file} 2>/dev/null`;
}

/** For the positional arguments that name something: what is done when it is their turn. */
function namedByPlace(place: Place, add: (ask: string) => string): string[] {
  return place.names.flatMap((names, index) =>
    names === undefined
      ? []
      : [`      ((\${#given[@]} == ${index})) && ${add(asking(place, names))}`]
  );
}

/** Options whose value is the next word, which therefore is no argument. */
function skipped(places: readonly Place[], skip: string): string {
  const options = places.flatMap(({ path, options }) =>
    options.filter(({ takesValue }) => takesValue === true)
      .map(({ word }) => quote([...path, word].join(" ")))
  );
  return `      ${options.join("|")}) ${skip} ;;`;
}

function renderFish(name: string, places: readonly Place[]): string {
  const lines = places.flatMap((place) => {
    const rule = `complete -c ${name} -n ${quote(`__${name}_at ${place.path.join(" ")}`.trim())}`;
    return [
      ...place.commands.map(({ word, help }) => `${rule} -f -a ${quote(word)} -d ${quote(help)}`),
      ...place.options.map(({ word, help, choices, takesValue }) => {
        const flag = word.startsWith("--") ? `-l ${word.slice(2)}` : `-s ${word.slice(1)}`;
        const value = takesValue !== true
          ? ""
          : choices === undefined
          ? " -r"
          : ` -x -a ${quote(choices.join(" "))}`;
        return `${rule} ${flag}${value} -d ${quote(help)}`;
      }),
      ...place.choices.map((choice) => `${rule} -f -a ${quote(choice)}`),
      ...(place.files ? [`${rule} -F`] : []),
    ];
  });
  const known = places.map(({ path }) => path.join(" ")).filter((path) => path !== "");
  return `# fish completion of ${name}
function __${name}_at
    set -l place
    for word in (commandline -opc)[2..]
        set -l next (string trim "$place $word")
        if contains -- "$next" ${known.map(quote).join(" ")}
            set place $next
        end
    end
    test "$place" = "$argv"
end
complete -c ${name} -f
${lines.join("\n")}`;
}

/** For all three shells alike, as long as no backslash is in it before a quote (fish). */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
