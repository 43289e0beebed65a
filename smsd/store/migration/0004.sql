-- SPDX-License-Identifier: Apache-2.0
-- Alerts: what the SMS raises by itself.

CREATE TABLE alert (
	id @ID@,
	name TEXT NOT NULL,             -- alert.def
	about_kind TEXT NOT NULL,
	about TEXT NOT NULL,
	part TEXT NOT NULL,             -- of what it is about, where there may be several; ''
	step @INT@ NOT NULL,            -- how bad it is by now
	text TEXT NOT NULL,
	since_ms @INT@ NOT NULL,
	heard_ms @INT@ NOT NULL,        -- when it was so last
	cleared_ms @INT@ NOT NULL,      -- 0: open
	told @INT@ NOT NULL,            -- 0: an event of it is still to be made
	acknowledged_ms @INT@ NOT NULL, -- 0: by nobody
	acknowledged_by TEXT NOT NULL
);
-- Each is open once.
CREATE UNIQUE INDEX alert_open ON alert (name, about_kind, about, part) WHERE cleared_ms = 0;
CREATE INDEX alert_told ON alert (id) WHERE told = 0;
