"""The rows of a busy installation, written by PostgreSQL itself: 100,000 conversations take about two minutes."""

from __future__ import annotations

from typing import Any

from django.db import connection

CONVERSATIONS, MESSAGES_EACH = 100_000, 10
DAYS = 90

FUNCTIONS = """
CREATE OR REPLACE FUNCTION id_at(at timestamptz, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS $$
  SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0')
          || '8' || substr(md5(n::text), 1, 15))::uuid $$
"""

# A talk: its number `n`, when it began, whose it is. The numbers decide everything, so that each run makes the same.
TALKS = f"""
CREATE TEMP TABLE talk AS
SELECT numbers.n, began, id_at(began, numbers.n) AS id, p.workspace_id, p.bot_id, p.channel_id, p.sends,
       CASE WHEN numbers.n % 20 = 0 THEN 1 + numbers.n % 10 ELSE numbers.n END AS who,
       numbers.n > {CONVERSATIONS} * 0.97 AS is_open
FROM (SELECT n, now() - interval '{DAYS} days' * (1 - n::float / ({CONVERSATIONS} + 1)) AS began
      FROM generate_series(1, {CONVERSATIONS}) AS n) AS numbers
JOIN place AS p ON p.n = numbers.n % (SELECT count(*) FROM place)
"""

ROWS = f"""
INSERT INTO conversations_person (id, workspace_id, name, language, timezone, metadata, created_at, blocked_at)
SELECT id_at(began, n), workspace_id, (ARRAY['Ada','Grace','Alan','Edsger','Barbara','Donald','Radia','Ken'])[1 + n % 8]
       || ' ' || initcap(substr(md5(n::text), 1, 7)), 'en', '', '{{}}', began, CASE WHEN n % 500 = 0 THEN began END
FROM talk;

INSERT INTO conversations_chatuser (id, channel_id, person_id, external_id, username, metadata, created_at)
SELECT id_at(began, n), channel_id, id_at(began, n), 'visitor-' || n, '', '{{}}', began FROM talk;

INSERT INTO conversations_conversation (id, workspace_id, channel_id, bot_id, chat_id, chat_user_id, title, owner,
  waiting_since, assigned_to_id, next_seq, lease_token, metadata, started_at, last_activity, ended_at)
SELECT t.id, t.workspace_id, t.channel_id, t.bot_id, 'chat-' || t.n, w.id, 'Where is my parcel number ' || t.n || '?',
  CASE WHEN t.is_open AND t.n % 50 = 0 THEN 'waiting' WHEN t.is_open AND t.n % 75 = 1 THEN 'human' ELSE 'bot' END,
  CASE WHEN t.is_open AND t.n % 50 = 0 THEN t.began END, NULL, {MESSAGES_EACH} + 1, 5,
  CASE WHEN t.n % 300 = 0 THEN '{{"test": true}}' ELSE '{{}}' END::jsonb, t.began, t.began + interval '5 minutes',
  CASE WHEN NOT t.is_open THEN t.began + interval '1 hour' END
FROM talk AS t JOIN talk AS w ON w.n = t.who ORDER BY t.n;

INSERT INTO conversations_turn (id, conversation_id, state, attempts, first_seq, stop_requested, reason, run_after,
  created_at, started_at, finished_at)
SELECT id_at(at, k), id, CASE WHEN k % 2000 = 0 THEN 'dead' WHEN k % 100 = 0 THEN 'failed' WHEN k % 70 = 0
  THEN 'stopped' ELSE 'done' END, 1, 2 * s + 1, false,
  CASE WHEN k % 100 = 0 THEN 'the model did not answer' ELSE '' END,
  at, at, at, at + interval '2 seconds'
FROM (SELECT id, s, n::bigint * 10 + s AS k, began + s * interval '1 minute' AS at
      FROM talk, generate_series(0, {MESSAGES_EACH} / 2 - 1) AS s ORDER BY n, s) AS turns;

INSERT INTO conversations_message (id, conversation_id, channel_id, turn_id, seq, role, sender_id, text, parts,
  in_context, model_used, feedback, metadata, created_at)
SELECT id_at(at, k), id, channel_id, id_at(began + (seq - 1) / 2 * interval '1 minute', n::bigint * 10 + (seq - 1) / 2),
  seq, CASE WHEN seq % 2 = 1 THEN 'user' ELSE 'assistant' END, CASE WHEN seq % 2 = 1 THEN sender END,
  'Your parcel **' || n || '** is on its way, ' || repeat('and nothing else is known of it so far, ', seq % 5 + 1),
  '[]', true, CASE WHEN seq % 2 = 0 THEN 'own/big' ELSE '' END, 0, '{{}}', at
FROM (SELECT t.id, t.n, t.channel_id, t.began, w.id AS sender, seq, t.n::bigint * 20 + seq AS k,
             t.began + seq * interval '30 seconds' AS at
      FROM talk AS t JOIN talk AS w ON w.n = t.who, generate_series(1, {MESSAGES_EACH}) AS seq
      ORDER BY t.n, seq) AS said;

INSERT INTO conversations_modelcall (id, turn_id, model_id, model_name, level, attempt, round, input_tokens,
  cached_tokens, output_tokens, estimated, input_nanodollars, output_nanodollars, cost_nanodollars, latency_ms,
  first_token_ms, finish_reason, error, created_at, conversation_id, bot_id, channel_id, is_test)
SELECT id_at(at, k), id_at(at, k), m.id, m.name, 'bot', 1, 1, 900 + k % 300, 200, 90, false, 1, 4,
  CASE WHEN k % 50 = 0 THEN NULL ELSE 1000000 + k % 1000 END, 1500, 400, 'stop',
  CASE WHEN k % 100 = 0 THEN 'timeout' ELSE '' END, at, talk_id, bot_id, channel_id, n % 300 = 0
FROM (SELECT n, id AS talk_id, bot_id, channel_id, s, n::bigint * 10 + s AS k, began + s * interval '1 minute' AS at
      FROM talk, generate_series(0, {MESSAGES_EACH} / 2 - 1) AS s ORDER BY n, s) AS turns
JOIN (SELECT id, name, row_number() OVER (ORDER BY id) - 1 AS place FROM bots_aimodel) AS m
  ON m.place = k % (SELECT count(*) FROM bots_aimodel);

INSERT INTO conversations_toolcall (id, turn_id, round, position, call_id, name, arguments, effects, state, result,
  created_at)
SELECT id, id, 1, 0, 'c', 'calculate', '{{}}', 'none', 'done', '42', created_at FROM conversations_turn
WHERE first_seq = 1;

INSERT INTO conversations_delivery (id, message_id, part, payload, state, platform_id, attempts, ambiguous, reason,
  run_after, created_at, sent_at)
SELECT m.id, m.id, 0, '{{"text": "x"}}', CASE WHEN t.n % 400 = 0 THEN 'failed' ELSE 'sent' END, 'p', 1, false, '',
  m.created_at, m.created_at, m.created_at
FROM talk AS t JOIN conversations_message AS m ON m.conversation_id = t.id WHERE t.sends AND m.role = 'assistant';

INSERT INTO channels_integrations_rawevent (id, channel_id, sha256, body, headers, state, attempts, reason, run_after,
  received_at)
SELECT id_at(began, n), channel_id, md5(n::text), 'x', '{{}}', CASE WHEN n % 100 = 0 THEN 'dead' ELSE 'done' END, 1, '',
  began, began
FROM talk WHERE sends;

INSERT INTO conversations_note (id, person_id, conversation_id, text, created_at)
SELECT id, id_at(began, n), id, 'Rang twice.', began FROM talk WHERE n % 10 = 0
"""


def fill(places: list[tuple[Any, Any, Any, bool]]) -> None:
    """Conversations of these (workspace, bot, channel, whether it is sent to) in turn, all that belongs to them."""
    with connection.cursor() as cursor:
        cursor.execute(FUNCTIONS)
        cursor.execute(
            "CREATE TEMP TABLE place (n int, workspace_id uuid, bot_id uuid, channel_id uuid, sends boolean)"
        )
        for number, place in enumerate(places):
            cursor.execute("INSERT INTO place VALUES (%s, %s, %s, %s, %s)", [number, *place])
        cursor.execute("ANALYZE place")
        cursor.execute(TALKS)
        cursor.execute("CREATE INDEX ON talk (n)")
        cursor.execute("ANALYZE talk")
        cursor.execute("SET session_replication_role = replica")  # every key is right by construction
        for statement in ROWS.split(";\n"):
            cursor.execute(statement)
        cursor.execute("SET session_replication_role = origin")
