-- SPDX-License-Identifier: Apache-2.0
-- Forwarding of events: the order in which they were stored, and how far each syslog server is.

CREATE TABLE event_arrival (
	id @ID@,
	day @INT@ NOT NULL,             -- where they are filed,
	device TEXT NOT NULL,           -- under whom,
	epoch TEXT NOT NULL,            -- as in intake,
	first_seq @INT@ NOT NULL,       -- and by which numbers, both included
	last_seq @INT@ NOT NULL,
	events @INT@ NOT NULL           -- so many
);

CREATE TABLE syslog_target (
	id @ID@,
	name TEXT NOT NULL UNIQUE,
	revision @INT@ NOT NULL,
	body TEXT NOT NULL,             -- JSON: what people set
	enabled @INT@ NOT NULL,
	arrival @INT@ NOT NULL,         -- where it goes on: the row of event_arrival with this id or a later one,
	seq @INT@ NOT NULL,             -- and of that very row numbers from here on
	sent @INT@ NOT NULL,
	skipped @INT@ NOT NULL,
	skipped_ms @INT@ NOT NULL,      -- when the last time; 0: never
	failing_ms @INT@ NOT NULL       -- since when it is not reached; 0: it is
);
