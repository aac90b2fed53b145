import { css, html, nothing, type TemplateResult } from "lit";
import { customElement, query, state } from "lit/decorators.js";

import { csv, fileName, keep } from "../file.js";
import { capital, count } from "../ui/format.js";
import { icon } from "../ui/icons.js";
import { look } from "../ui/look.js";
import "./convergence.js";
import { equation } from "./equation.js";
import { keepFigure } from "./figure.js";
import { drawn } from "./save.js";
import "./save.js";
import { bench, Section } from "./section.js";
import "./tableau-editor.js";
import type { TreeGallery } from "./tree-gallery.js";
import "./tree-gallery.js";
import {
  ordinal,
  signed,
  weightRows,
  type All,
  type Method,
  type MethodChoice,
  type Weighed,
} from "./weights.js";

const FIRST_METHOD = "classical 4";

/** Rooted trees, and methods weighed by them. */
@customElement("echo-lab-trees")
export class Trees extends Section {
  protected readonly name = "trees";
  @state() private all: All | null = null;
  @state() private weighed: Weighed | null = null;
  @state() private choice: MethodChoice = { name: FIRST_METHOD };
  /** The own tableau as it stands in the fields. */
  @state() private own: Method | null = null;
  @state() private ownProblem = "";
  @state() private order = 4;
  @state() private place = 4;
  @query("echo-tree-gallery") private gallery!: TreeGallery;

  #asked = 0;

  static override styles = [
    look,
    bench,
    css`
      .method {
        display: grid;
        grid-template-columns: minmax(16rem, 1fr) minmax(0, 1.4fr);
        gap: 1rem 2rem;
        align-items: start;
      }
      .field {
        max-width: 22rem;
      }
      .verdict {
        margin-top: 0.9rem;
        font-size: 1.0625rem;
      }
      .verdict b {
        color: var(--accent);
      }
      .orders {
        display: grid;
        grid-template-columns: repeat(8, minmax(0, 1fr));
        gap: 0.4rem;
        margin: 1rem 0 0.75rem;
      }
      .orders button {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 0.1rem;
        padding: 0.45rem 0.25rem;
        line-height: 1.25;
        border-color: var(--line);
      }
      .orders button[aria-pressed="true"] {
        border-color: var(--accent);
        box-shadow: inset 0 0 0 1px var(--accent);
      }
      .orders .whole {
        background: var(--said);
      }
      .orders .part {
        font-size: 0.75rem;
        color: var(--muted);
      }
      .orders .whole .part {
        color: var(--accent);
        font-weight: 600;
      }
      .bar {
        justify-self: stretch;
        margin: 0.2rem 0.35rem 0;
        height: 4px;
        border-radius: 2px;
        background: linear-gradient(var(--accent) 0 0) no-repeat var(--line) 0 0 /
          calc(100% * var(--share)) 100%;
      }
      .card + .card {
        margin-top: 1rem;
      }
      .below {
        margin-top: 0.9rem;
      }
      details.table {
        margin-top: 1rem;
      }
      details.table .scroll {
        margin-top: 0.5rem;
      }
      td.off {
        color: var(--warning);
      }
      td:nth-child(1),
      td:nth-child(5) {
        white-space: nowrap;
      }
      @media (max-width: 48rem) {
        .card {
          padding: 0.75rem;
        }
        .method {
          grid-template-columns: minmax(0, 1fr);
        }
        .orders {
          grid-template-columns: repeat(4, minmax(0, 1fr));
        }
      }
    `,
  ];

  protected override async begin(): Promise<void> {
    this.all = await this.ask<All>("all");
    await this.#weigh(this.choice);
  }

  async #weigh(choice: MethodChoice): Promise<void> {
    const asked = ++this.#asked;
    const weighed = await this.ask<Weighed>("weigh", { method: choice });
    if (asked !== this.#asked) return;
    this.weighed = weighed;
    this.choice = choice;
  }

  protected override render(): TemplateResult {
    return html`
      ${this.explained(
        html`A tree stands for one combination of derivatives in the Taylor series of the solution;
        a method has a coefficient for each, computed from its tableau in exact fractions. If they
        are those of the solution for all trees of up to p vertices, the method has order p.`,
        "bseries",
        "rooted trees and B-series",
      )}
      ${this.opened && this.all && this.weighed ? this.#bench(this.all, this.weighed) : this.waiting()}
    `;
  }

  #bench(all: All, weighed: Weighed): TemplateResult {
    return html`
      ${
        this.problem
          ? html`<div class="note problem" role="alert">
              <p>${icon("warning")} ${this.problem}</p>
            </div>`
          : nothing
      }
      <div class="card">${this.#method(all, weighed)}</div>
      <div class="card">
        <h3>Order by order</h3>
        ${this.#orders(weighed)}
        <echo-tree-gallery
          .trees=${all.trees}
          .weighed=${weighed}
          .order=${this.order}
          .chosen=${this.place}
          @choose=${(event: CustomEvent<number>) => (this.place = event.detail)}
        ></echo-tree-gallery>
        ${this.#table(all, weighed)} ${this.#saves(all, weighed)}
      </div>
      <div class="card">
        <echo-convergence
          .ask=${(method: string, values: object) => this.ask(method, values)}
          .method=${this.choice}
          .weighed=${weighed}
          .problems=${all.problems}
        ></echo-convergence>
      </div>
    `;
  }

  #method({ methods }: All, weighed: Weighed): TemplateResult {
    const { own, choice } = this;
    const { method, order } = weighed;
    const edit = own !== null;
    const implicit = own
      ? own.a.some((row, i) => row.slice(i).some((x) => x && x !== "0"))
      : !method.explicit;
    return html`<div class="method">
      <div>
        <h3>Method</h3>
        <label class="field below"
          >Runge-Kutta method
          <select
            @change=${(event: Event) => this.#choose((event.target as HTMLSelectElement).value)}
          >
            ${methods.map(
              ({ name }) =>
                html`<option value=${name} ?selected=${"name" in choice && choice.name === name}>
                  ${name}
                </option>`,
            )}
            <option value="" ?selected=${edit}>own tableau</option>
          </select>
        </label>
        <p class="verdict" role="status">
          ${
            this.ownProblem
              ? html`<span class="warning">${this.ownProblem}</span>`
              : html`${capital(method.name)}: ${count(method.stages, "stage")},
                  ${method.explicit ? "explicit" : "implicit"}, <b>order ${order}</b>.
                  ${this.#why(weighed)}`
          }
        </p>
        ${
          edit
            ? html`<p class="fine muted below">
                Type fractions such as 1/3, or numbers such as 0.25; an empty field is 0. The
                coefficients are computed as you type.
              </p>`
            : html`<button class="below" @click=${() => this.#beginOwn(method)}>
                ${icon("edit")} Change it
              </button>`
        }
      </div>
      <echo-tableau
        ?editable=${edit}
        .implicit=${implicit}
        .method=${own ?? method}
        @edit=${(event: CustomEvent<{ a: string[][]; b: string[] }>) => this.#edit(event.detail)}
      ></echo-tableau>
    </div>`;
  }

  #why({ order, holds }: Weighed): string {
    const next = holds[order];
    if (!next) return "All conditions shown here hold.";
    const of = `${next.of === 1 ? "condition" : `${next.of} conditions`} of order ${order + 1}`;
    if (next.of === 1) return `The ${of} fails.`;
    return next.holds ? `Of the ${of}, ${next.of - next.holds} fail.` : `All ${of} fail.`;
  }

  #choose(name: string): void {
    if (!name) {
      this.#beginOwn(this.weighed!.method);
      return;
    }
    this.own = null;
    this.ownProblem = "";
    void this.attempt(() => this.#weigh({ name }));
  }

  #beginOwn(method: Method): void {
    this.own = { ...method, name: "own method" };
    void this.#edit({ a: method.a, b: method.b });
  }

  async #edit({ a, b }: { a: string[][]; b: string[] }): Promise<void> {
    const stages = b.length;
    const rows = a.map((row) => Array.from({ length: stages }, (_, j) => row[j] ?? ""));
    const known = this.own;
    this.own = {
      name: "own method",
      stages,
      explicit: true,
      a: rows,
      b,
      c: rows.map((_, i) => known?.c[i] ?? ""),
    };
    try {
      await this.#weigh({ a: rows, b });
      // What is typed stays as it is; only the sums of the rows come from Python.
      if (this.own) this.own = { ...this.own, c: this.weighed!.method.c };
      this.ownProblem = "";
    } catch (error) {
      this.ownProblem = (error as Error).message;
    }
  }

  #orders({ holds }: Weighed): TemplateResult {
    return html`<div class="orders" role="group" aria-label="Orders">
      ${holds.map(({ holds: held, of }, i) => {
        const whole = held === of;
        return html`<button
          class=${whole ? "whole" : ""}
          aria-pressed=${this.order === i + 1}
          @click=${() => this.#show(i + 1)}
        >
          <span>
            ${ordinal(i + 1)}<span class="hidden-text"> order, ${count(of, "tree")}: </span>
          </span>
          <span class="part">${whole ? `all ${of} hold` : `${held} of ${of}`}</span>
          <span class="bar" .style=${`--share: ${held / of}`}></span>
        </button>`;
      })}
    </div>`;
  }

  #show(order: number): void {
    this.order = order;
    this.place = this.all!.trees.findIndex((tree) => tree.order === order);
  }

  #table({ trees }: All, { rows, method }: Weighed): TemplateResult {
    return html`<details class="table">
      <summary class="fine">The same as a table</summary>
      <div class="scroll" tabindex="0" role="region" aria-label="Coefficients">
        <table>
          <thead>
            <tr>
              <th scope="col">Tree τ</th>
              <th class="count" scope="col">σ</th>
              <th class="count" scope="col">γ</th>
              <th class="count" scope="col">α</th>
              <th scope="col">F(τ)</th>
              <th scope="col">Order condition</th>
              <th scope="col">${capital(method.name)}</th>
              <th scope="col">Solution</th>
              <th scope="col">Difference</th>
            </tr>
          </thead>
          <tbody>
            ${trees.map((tree, i) =>
              tree.order === this.order
                ? html`<tr>
                    <td>${tree.text}</td>
                    <td class="count">${tree.symmetry}</td>
                    <td class="count">${tree.density}</td>
                    <td class="count">${tree.alpha}</td>
                    <td>${tree.differential}</td>
                    <td>${equation(tree.condition)}</td>
                    <td>${signed(rows[i]!.weight)}</td>
                    <td>${rows[i]!.wanted}</td>
                    <td class=${rows[i]!.holds ? "" : "off"}>${signed(rows[i]!.difference)}</td>
                  </tr>`
                : nothing,
            )}
          </tbody>
        </table>
      </div>
    </details>`;
  }

  #saves({ trees }: All, weighed: Weighed): TemplateResult {
    const { name } = weighed.method;
    const about = {
      name: fileName(`trees of order ${this.order} ${name}`),
      title: `Rooted trees of order ${this.order}, weighed by ${name}`,
      description:
        "Filled vertices: the order condition of the tree holds for the method; open ones: it " +
        "does not. σ symmetry, γ density, α monotone labellings.",
    };
    const table = () =>
      keep(`${fileName(`trees ${name}`)}.csv`, csv(weightRows(trees, weighed)), "text/csv");
    return html`<echo-save
      label="Save the trees"
      .items=${[
        `Save the trees of order ${this.order}:`,
        ...drawn((form) => this.gallery.withPoster((sheet) => keepFigure(sheet, form, about))),
        `all ${trees.length} with their coefficients:`,
        ["CSV", table],
      ]}
    ></echo-save>`;
  }
}
