/** Reads a payload into chat messages, whatever the server has parsed already. */
import type { Json, Message, MessagePart, Payload } from "../api/types.ts";

export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  value !== null && typeof value === "object" && !Array.isArray(value);

function asMessage(value: Json): Message | null {
  if (!isObject(value) || typeof value.role !== "string" || !Array.isArray(value.parts)) return null;
  const parts = value.parts.filter((part): part is MessagePart => isObject(part) && typeof part.type === "string");
  const message: Message = { role: value.role, parts };
  if (typeof value.name === "string") message.name = value.name;
  if (typeof value.finish_reason === "string") message.finish_reason = value.finish_reason;
  return message;
}

export function messagesOf(payload: Payload, parsed: Message[] | null | undefined): Message[] | null {
  if (parsed && parsed.length > 0) return parsed;
  if (payload.format !== "messages") return null;
  const value = parseJson(payload.text);
  if (!Array.isArray(value)) return null;
  const messages = value.map(asMessage).filter((message): message is Message => message !== null);
  return messages.length > 0 ? messages : null;
}

const text = (value: Json | undefined): string => (typeof value === "string" ? value : "");

/** The words of a part, or "" when it isn't text. */
export const partText = (part: MessagePart): string =>
  part.type === "text" || part.type === "reasoning" || part.type === "thinking"
    ? text(part.content) || text(part.text)
    : "";

/** What a person would edit: the text of the last message, or the payload as it is. */
export function editableText(payload: Payload, parsed: Message[] | null | undefined): string {
  const messages = messagesOf(payload, parsed);
  if (messages) {
    const parts = messages.at(-1)!.parts.filter((part) => part.type === "text");
    return parts.map(partText).join("\n");
  }
  const value = parseJson(payload.text);
  return typeof value === "string" ? value : payload.text;
}
