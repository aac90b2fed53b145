import { count, percent } from "../ui/format.js";
import type { Account, AccountStep } from "../worker/protocol.js";
import type { Flow, Frame, MembraneState } from "./frame.js";

/** The engine's membranes: what is outermost comes first. Tokens leave the model through the others. */
const ENGINE = 1;
const MEMORY = 2;
const REASONING = 3;
const GRAMMAR = 4;
const MODEL = 5;

const MEMBRANES: readonly (readonly [id: number, parent: number, label: string])[] = [
  [ENGINE, 0, "engine"],
  [MEMORY, ENGINE, "memory"],
  [REASONING, ENGINE, "reasoning"],
  [GRAMMAR, REASONING, "grammar"],
  [MODEL, GRAMMAR, "model"],
];

const PLACES = { memory: MEMORY, reasoning: REASONING, grammar: GRAMMAR, model: MODEL };

/** What a step did: objects that moved, what its membrane holds from now on, and a sentence. */
interface Deed {
  flows?: Flow[];
  holds?: Record<string, number>;
  text: string;
}

/**
 * An answer as steps of nested membranes: the first frame is the question, then one for each step
 * of the account, and at last the answer on its way out, once it is there.
 *
 * @param ended whether the answer is there.
 */
export function framesOf(account: Account, ended: boolean): Frame[] {
  const held = new Map<number, Record<string, number>>();
  const frames: Frame[] = [];
  const put = (membrane: number, { flows = [], holds, text }: Deed) => {
    if (holds) held.set(membrane, { ...held.get(membrane), ...holds });
    const last = ended && frames.length === account.steps.length + 1;
    frames.push({
      step: frames.length,
      environment: last ? { answer: 1 } : {},
      membranes: MEMBRANES.map(([id, parent, label]): MembraneState => ({
        id,
        parent,
        label,
        charge: "0",
        contents: held.get(id) ?? {},
      })),
      applied: [{ rule: 0, name: "", membrane, label: "", times: 1 }],
      flows,
      text,
      result: "",
    });
  };
  put(ENGINE, {
    flows: [[0, ENGINE, { question: 1 }]],
    holds: { question: 1 },
    text: "The question comes in.",
  });
  for (const step of account.steps) {
    const deed = deedOf(step, account);
    put(PLACES[step.part], step.error ? { text: `It failed: ${step.error}` } : deed);
  }
  if (ended) {
    const text = "The answer leaves the engine, and is on the page.";
    put(ENGINE, { flows: [[ENGINE, 0, { answer: 1 }]], text });
  }
  return frames;
}

/** What a step did, in the words of somebody who explains it. */
function deedOf({ part, step, numbers }: AccountStep, account: Account): Deed {
  const { form, branches } = account;
  const tokens = numbers["tokens"] ?? 0;
  const sure = numbers["confidence"];
  const sureness = sure === undefined ? {} : { [`confidence ${percent(sure)}`]: 1 };
  const asked: Flow = [ENGINE, PLACES[part], { question: 1 }];
  switch (`${part} ${step.replace(/ \d+$/, "")}`) {
    case "memory prepare": {
      const n = account.recalled?.length ?? 0;
      return {
        flows: n ? [asked, [MEMORY, ENGINE, { memories: n }]] : [asked],
        holds: n ? { memories: n } : {},
        text: n
          ? `Memory compares the question with what is remembered: ${n} came to mind, and the model reads ${n === 1 ? "it" : "them"} first.`
          : "Memory compares the question with what is remembered; nothing came to mind.",
      };
    }
    case "memory learn":
      return {
        flows: [asked],
        text: "Memory keeps those statements of the question that seem to matter, if there are any.",
      };
    case "grammar begin":
      return {
        holds: form ? { form: 1 } : {},
        text: form
          ? "Grammar compiles the form. After any beginning it now knows which tokens may follow."
          : "Grammar has no form to keep to, and lets every token pass.",
      };
    case "grammar finish":
      return {
        holds: form ? sureness : {},
        text: form
          ? `Grammar looks back: of the model’s probability ${sure === undefined ? "an unknown share" : percent(sure)} was on tokens that fit.`
          : "Grammar counts the words of question and answer.",
      };
    case "reasoning begin":
      return {
        flows: [asked],
        holds: { plan: 1 },
        text:
          branches > 1
            ? `Reasoning plans: ${branches} candidates, all drawn from the state after the question.`
            : "Reasoning plans: one answer, drawn once.",
      };
    case "reasoning candidate": {
      const number = Number(step.split(" ")[1]);
      return {
        flows: [[MODEL, REASONING, { token: tokens }]],
        holds: { candidate: number },
        text: `The model writes candidate ${number} from the state after the question: ${count(tokens, "token")}.`,
      };
    }
    case "reasoning vote": {
      const groups = numbers["groups"] ?? 0;
      return {
        flows: [[REASONING, ENGINE, { answer: 1 }]],
        holds: { group: groups },
        text: `Candidates that agree vote together: ${count(groups, "group")}. Candidate ${numbers["chosen"]} becomes the answer.`,
      };
    }
    case "reasoning finish":
      return {
        holds: sureness,
        text:
          sure === undefined
            ? "Reasoning looks at the answer; it cannot tell how sure to be."
            : `Reasoning says how sure to be, from the probabilities of the tokens${branches > 1 ? " and the votes" : ""}: ${percent(sure)}.`,
      };
    case "model read":
      return {
        flows: [asked],
        holds: { read: tokens },
        text: `The model reads ${count(tokens, "token")}. What it has read is all in its state, whose size never changes.`,
      };
    case "model write":
      return {
        flows: [[MODEL, ENGINE, { token: tokens }]],
        holds: { written: tokens },
        text: form
          ? `The model writes ${count(tokens, "token")}. Grammar lets only those pass that fit the form.`
          : `The model writes ${count(tokens, "token")}; each is on the page at once.`,
      };
  }
  return { text: `${part}: ${step}` };
}
