/** The YAML editor on CodeMirror: a chunk of its own, loaded where it is opened. Tab leaves the editor, as in any field. */
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import { bracketMatching, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { useEffect, useRef } from "react";
import type { ConfigProblem } from "./api.ts";
import css from "./editor.module.css";

const COLOURS = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--kind-llm)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--kind-retrieval)" },
  { tag: [tags.number, tags.bool, tags.keyword], color: "var(--kind-agent)" },
  { tag: tags.comment, color: "var(--text-3)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator, tags.squareBracket, tags.brace], color: "var(--text-2)" },
]);

const THEME = EditorView.theme({
  "&": { height: "100%", color: "var(--text)", backgroundColor: "var(--surface)", fontSize: "var(--size)" },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.6" },
  ".cm-gutters": { backgroundColor: "var(--surface-2)", color: "var(--text-3)", borderRight: "1px solid var(--line)" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in srgb, var(--hover) 70%, transparent)" },
  ".cm-activeLineGutter": { color: "var(--text)" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--mark)",
  },
  ".cm-selectionMatch": { backgroundColor: "var(--mark)" },
  ".cm-tooltip, .cm-panels": {
    backgroundColor: "var(--surface)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-diagnostic-error": { borderLeftColor: "var(--error)" },
  ".cm-textfield, .cm-button": {
    backgroundColor: "var(--surface)",
    backgroundImage: "none",
    color: "var(--text)",
    border: "1px solid var(--control-line)",
  },
});

export default function YamlEditor(props: {
  value: string;
  label: string;
  readOnly: boolean;
  problem: ConfigProblem | null;
  /** Shown and selected when it changes. */
  line: number | null;
  onChange: (text: string) => void;
}) {
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const changed = useRef(props.onChange);
  changed.current = props.onChange;
  const first = useRef(props);
  const { readOnly, label, problem, value, line: shown } = props;
  useEffect(() => {
    const editor = new EditorView({
      parent: host.current!,
      doc: first.current.value,
      extensions: [
        lineNumbers(),
        history(),
        drawSelection(),
        indentOnInput(),
        indentUnit.of("  "),
        bracketMatching(),
        highlightActiveLine(),
        highlightSelectionMatches(),
        lintGutter(),
        yaml(),
        syntaxHighlighting(COLOURS),
        THEME,
        keymap.of([...defaultKeymap, ...historyKeymap, ...searchKeymap]),
        EditorState.readOnly.of(readOnly),
        EditorView.contentAttributes.of({
          "aria-label": label,
          spellcheck: "false",
          autocorrect: "off",
          tabindex: "0",
        }),
        EditorView.updateListener.of((update) => {
          if (update.docChanged) changed.current(update.state.doc.toString());
        }),
      ],
    });
    view.current = editor;
    return () => editor.destroy();
  }, [readOnly, label]);
  useEffect(() => {
    const editor = view.current;
    // An edit from elsewhere: an undo, a restored version.
    if (editor && editor.state.doc.toString() !== value)
      editor.dispatch({ changes: { from: 0, to: editor.state.doc.length, insert: value } });
  }, [value]);
  useEffect(() => {
    const editor = view.current;
    if (!editor) return;
    const line = problem?.line ? editor.state.doc.line(Math.min(problem.line, editor.state.doc.lines)) : null;
    const marked =
      problem && line
        ? [
            {
              from: line.from + (line.text.length - line.text.trimStart().length),
              to: line.to,
              severity: "error" as const,
              message: [problem.path, problem.message, problem.hint].filter(Boolean).join("\n"),
            },
          ]
        : [];
    editor.dispatch(setDiagnostics(editor.state, marked));
  }, [problem]);
  useEffect(() => {
    const editor = view.current;
    if (!editor || shown === null) return;
    const line = editor.state.doc.line(Math.min(Math.max(1, shown), editor.state.doc.lines));
    editor.dispatch({
      selection: { anchor: line.from, head: line.to },
      effects: EditorView.scrollIntoView(line.from, { y: "center" }),
    });
    editor.focus();
  }, [shown]);
  return <div ref={host} className={css.host} />;
}
