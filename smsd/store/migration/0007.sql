-- SPDX-License-Identifier: Apache-2.0
-- Panic mode that is asked of devices (R157).

CREATE TABLE panic (
	id @ID@,
	step @INT@ NOT NULL,            -- remote_panic_step
	what TEXT NOT NULL,             -- of step 1: client, server, domain
	value TEXT NOT NULL,
	made_ms @INT@ NOT NULL,
	until_ms @INT@ NOT NULL,        -- 0: until it is cleared
	who TEXT NOT NULL,
	comment TEXT NOT NULL
);
-- Of which devices; without any the row above goes.
CREATE TABLE panic_device (
	panic @INT@ NOT NULL REFERENCES panic (id) ON DELETE CASCADE,
	device @INT@ NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	PRIMARY KEY (panic, device)
);
CREATE INDEX panic_device_device ON panic_device (device);
-- What each device was asked for last, and what it says that it has.
CREATE TABLE panic_state (
	device @INT@ PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
	number @INT@ NOT NULL,          -- one more with each change
	told @INT@ NOT NULL
);
