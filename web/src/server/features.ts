// What operators let people do in a room at the moment.

export interface Features {
  chat: boolean;
  reactions: boolean;
  screen: boolean; // sharing it
  encryption: boolean; // required; what is not encrypted reaches nobody
}

/** Reads an answer about a meeting; what an older server does not say is permitted. */
export function readFeatures(answer: Record<string, unknown>): Features {
  const said = (answer["features"] ?? {}) as Record<string, unknown>;
  return {
    chat: said["chat"] !== false,
    reactions: said["reactions"] !== false,
    screen: said["screen_share"] !== false,
    encryption: said["encryption_required"] === true,
  };
}
