-- SPDX-License-Identifier: Apache-2.0
-- Devices, files, distributions, roles and groups.

-- ---- files: bytes once by their digest, in pieces ----
CREATE TABLE blob (
	sha256 @BYTES@ PRIMARY KEY,
	size @INT@ NOT NULL,
	made_ms @INT@ NOT NULL
);
CREATE TABLE blob_piece (
	sha256 @BYTES@ NOT NULL REFERENCES blob (sha256) ON DELETE CASCADE,
	at @INT@ NOT NULL,
	bytes @BYTES@ NOT NULL,
	PRIMARY KEY (sha256, at)
);
CREATE TABLE upload (
	id @ID@,
	person @INT@ NOT NULL,
	size @INT@ NOT NULL,
	made_ms @INT@ NOT NULL
);
CREATE TABLE upload_piece (
	upload @INT@ NOT NULL REFERENCES upload (id) ON DELETE CASCADE,
	at @INT@ NOT NULL,
	bytes @BYTES@ NOT NULL,
	PRIMARY KEY (upload, at)
);

-- ---- devices ----
CREATE TABLE device_ca (
	id @ID@,
	certificate @BYTES@ NOT NULL,   -- DER
	key_id @BYTES@ NOT NULL
);
CREATE TABLE device (
	id @ID@,
	name TEXT NOT NULL UNIQUE,
	revision @INT@ NOT NULL,
	state TEXT NOT NULL,            -- device_state_name
	comment TEXT NOT NULL,
	settings TEXT,                  -- its part of its document, canonical JSON
	capabilities TEXT,
	health TEXT,
	document TEXT,                  -- in force, as it told
	document_sha256 @BYTES@,
	sealing_key @BYTES@,
	certificate @BYTES@,            -- SHA-256 of the one that counts
	certificate_next @BYTES@,       -- of one that was given and not used yet
	certificate_ends_ms @INT@ NOT NULL,
	made_ms @INT@ NOT NULL,
	enrolled_ms @INT@ NOT NULL,
	seen_ms @INT@ NOT NULL,
	wanted @INT@ NOT NULL           -- revision; 0: none yet
);
CREATE UNIQUE INDEX device_certificate ON device (certificate);
CREATE UNIQUE INDEX device_certificate_next ON device (certificate_next);
CREATE TABLE device_token (
	id @BYTES@ PRIMARY KEY,         -- the token's ID
	device @INT@ NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	secret @BYTES@ NOT NULL,        -- SHA-256
	ends_ms @INT@ NOT NULL
);
CREATE INDEX device_token_device ON device_token (device);
-- Public keys that were revoked: none of them is ever given a certificate again.
CREATE TABLE device_revoked (
	key_id @BYTES@ PRIMARY KEY,
	name TEXT NOT NULL,
	revoked_ms @INT@ NOT NULL
);
-- The key of each certificate given, for the day it is revoked.
CREATE TABLE device_key (
	key_id @BYTES@ PRIMARY KEY,
	device @INT@ NOT NULL REFERENCES device (id) ON DELETE CASCADE
);
CREATE INDEX device_key_device ON device_key (device);

-- ---- distribution ----
-- The wanted document of a device and the one before it, with what belongs to it.
CREATE TABLE device_document (
	device @INT@ NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	revision @INT@ NOT NULL,
	sha256 @BYTES@ NOT NULL,
	text TEXT NOT NULL,
	size @INT@ NOT NULL,            -- bytes of the text
	keys TEXT NOT NULL,             -- array of ids in hexadecimal
	objects TEXT NOT NULL,          -- array of {kind, id, revision, name}
	confirm_s @INT@ NOT NULL,
	made_ms @INT@ NOT NULL,
	PRIMARY KEY (device, revision)
);
-- Files that a device may fetch.
CREATE TABLE device_file (
	device @INT@ NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	revision @INT@ NOT NULL,
	sha256 @BYTES@ NOT NULL REFERENCES blob (sha256),
	size @INT@ NOT NULL,
	PRIMARY KEY (device, revision, sha256)
);
CREATE INDEX device_file_sha256 ON device_file (sha256);
CREATE TABLE distribution (
	id @ID@,
	who TEXT NOT NULL,
	made_ms @INT@ NOT NULL,
	comment TEXT NOT NULL,
	confirm_s @INT@ NOT NULL,
	staged @INT@ NOT NULL,
	wait_s @INT@ NOT NULL,
	not_before_ms @INT@ NOT NULL,
	ended_ms @INT@ NOT NULL,        -- 0: running
	stopped TEXT NOT NULL           -- why devices that wait are left as they are; empty: they are not
);
CREATE TABLE distribution_device (
	distribution @INT@ NOT NULL REFERENCES distribution (id) ON DELETE CASCADE,
	device @INT@ NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	place @INT@ NOT NULL,           -- 0: the first of a staged one
	state TEXT NOT NULL,            -- remote_state_name
	revision @INT@ NOT NULL,        -- 0: not made yet
	text TEXT NOT NULL,
	items TEXT NOT NULL,            -- array
	changed_ms @INT@ NOT NULL,
	PRIMARY KEY (distribution, device)
);
CREATE INDEX distribution_device_device ON distribution_device (device, revision);
CREATE INDEX distribution_running ON distribution (ended_ms);

-- ---- events: how far the stream of each device is; the lines are in files of their own ----
CREATE TABLE intake (
	device TEXT NOT NULL,
	epoch TEXT NOT NULL,
	next @INT@ NOT NULL,            -- all numbers before it are stored, or refused for good
	odd_next @INT@ NOT NULL,        -- those before it that had no time of an event ...
	odd_ms @INT@ NOT NULL,          -- ... are filed here
	changed_ms @INT@ NOT NULL,
	PRIMARY KEY (device, epoch)
);
-- What was counted (remote.h, REMOTE_COUNTERS), by minutes and hours since 1970.
CREATE TABLE minute (
	device TEXT NOT NULL,
	minute @INT@ NOT NULL,
	seen @INT@ NOT NULL,
	inspected @INT@ NOT NULL,
	bypassed @INT@ NOT NULL,
	blocked @INT@ NOT NULL,
	new @INT@ NOT NULL,
	bytes @INT@ NOT NULL,
	bytes_inspected @INT@ NOT NULL,
	active @INT@ NOT NULL,
	PRIMARY KEY (device, minute)
);
CREATE INDEX minute_minute ON minute (minute);
CREATE TABLE hour (
	device TEXT NOT NULL,
	hour @INT@ NOT NULL,
	seen @INT@ NOT NULL,
	inspected @INT@ NOT NULL,
	bypassed @INT@ NOT NULL,
	blocked @INT@ NOT NULL,
	new @INT@ NOT NULL,
	bytes @INT@ NOT NULL,
	bytes_inspected @INT@ NOT NULL,
	active @INT@ NOT NULL,
	PRIMARY KEY (device, hour)
);
CREATE INDEX hour_hour ON hour (hour);

-- ---- people: roles that were made here, groups ----
ALTER TABLE person ADD COLUMN comment TEXT NOT NULL DEFAULT '';
ALTER TABLE person ADD COLUMN disabled @INT@ NOT NULL DEFAULT 0;
ALTER TABLE person ADD COLUMN revision @INT@ NOT NULL DEFAULT 1;
ALTER TABLE person ADD COLUMN entered_ms @INT@ NOT NULL DEFAULT 0; -- the last login; 0: never
CREATE INDEX person_role ON person (role);
CREATE TABLE role (
	id @ID@,
	name TEXT NOT NULL UNIQUE,
	revision @INT@ NOT NULL,
	capabilities TEXT NOT NULL,     -- names, a space between
	made_from TEXT NOT NULL,
	comment TEXT NOT NULL
);
CREATE TABLE grp (
	id @ID@,
	name TEXT NOT NULL UNIQUE,
	revision @INT@ NOT NULL,
	everything TEXT NOT NULL,       -- kinds of which it has all, future ones too; commas between
	comment TEXT NOT NULL
);
-- Single ones: those that it has (of a kind not in `everything`), or has not (of one that is).
CREATE TABLE grp_item (
	grp @INT@ NOT NULL REFERENCES grp (id) ON DELETE CASCADE,
	kind TEXT NOT NULL,
	item @INT@ NOT NULL,            -- row of object, or of device
	PRIMARY KEY (grp, kind, item)
);
CREATE TABLE grp_person (
	grp @INT@ NOT NULL REFERENCES grp (id) ON DELETE CASCADE,
	person @INT@ NOT NULL REFERENCES person (id) ON DELETE CASCADE,
	PRIMARY KEY (grp, person)
);
CREATE INDEX grp_person_person ON grp_person (person);

-- ---- settings ----
-- Names of policies, unique over all profiles (R113).
CREATE TABLE policy_name (
	name TEXT PRIMARY KEY,
	profile @INT@ NOT NULL REFERENCES object (id) ON DELETE CASCADE
);
CREATE INDEX policy_name_profile ON policy_name (profile);
-- What became of an object that is not there any more.
CREATE INDEX change_name ON change (kind, name, id);
