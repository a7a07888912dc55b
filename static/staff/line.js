// The team's socket.
import { Connection } from "../webchat/connection.js";

// A line that comes back by itself; `heard`, `opened` and `lost` as in Connection.
export const staffLine = (listener) => {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  return new Connection(`${scheme}//${location.host}/ws/staff/`, listener);
};
