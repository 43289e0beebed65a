-- SPDX-License-Identifier: Apache-2.0
-- The first tables. Words between @ are what the databases spell differently: @ID@ a key that
-- counts by itself, @INT@ 64 bits, @BYTES@ any bytes. Times are milliseconds since the epoch.

-- The vault's data key, sealed by the key-encryption key; the newest row holds.
CREATE TABLE vault_key (
	id @ID@,
	source TEXT NOT NULL,        -- "file" or "passphrase"
	salt @BYTES@ NOT NULL,       -- of argon2id; empty for a file
	sealed @BYTES@ NOT NULL,
	made_ms @INT@ NOT NULL
);

CREATE TABLE private_key (
	id @BYTES@ PRIMARY KEY,      -- SHA-256 of the public key
	sealed @BYTES@ NOT NULL,
	exportable @INT@ NOT NULL,
	made_ms @INT@ NOT NULL
);

CREATE TABLE object (
	id @ID@,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	revision @INT@ NOT NULL,
	changed_ms @INT@ NOT NULL,
	body TEXT NOT NULL,          -- canonical JSON
	UNIQUE (kind, name)
);

-- Which object names which: what is in use, and what a new name has to touch.
CREATE TABLE object_reference (
	from_id @INT@ NOT NULL REFERENCES object (id) ON DELETE CASCADE,
	to_id @INT@ NOT NULL REFERENCES object (id),
	PRIMARY KEY (from_id, to_id)
);
CREATE INDEX object_reference_to ON object_reference (to_id);

-- Certificates and requests by their key, and certificates by their own digest.
CREATE TABLE object_key (
	object_id @INT@ PRIMARY KEY REFERENCES object (id) ON DELETE CASCADE,
	key_id @BYTES@ NOT NULL,
	sha256 @BYTES@ NOT NULL,
	subject @INT@ NOT NULL       -- a hash of it: an issuer is found by that
);
CREATE INDEX object_key_key ON object_key (key_id);
CREATE INDEX object_key_sha256 ON object_key (sha256);
CREATE INDEX object_key_subject ON object_key (subject);

-- A version of an object is a row here.
CREATE TABLE change (
	id @ID@,
	time_ms @INT@ NOT NULL,
	person @INT@ NOT NULL,
	who TEXT NOT NULL,
	kind TEXT NOT NULL,
	object_id @INT@ NOT NULL,
	name TEXT NOT NULL,
	revision @INT@ NOT NULL,
	action TEXT NOT NULL,
	comment TEXT,
	before TEXT,
	after TEXT
);
CREATE INDEX change_object ON change (object_id, id);

CREATE TABLE person (
	id @ID@,
	name TEXT NOT NULL UNIQUE,
	password TEXT NOT NULL,      -- argon2id, in its own encoding
	role TEXT NOT NULL,
	must_change @INT@ NOT NULL,
	failures @INT@ NOT NULL,     -- in a row
	locked_until_ms @INT@ NOT NULL,
	made_ms @INT@ NOT NULL
);

CREATE TABLE session (
	id @ID@,
	person @INT@ NOT NULL REFERENCES person (id) ON DELETE CASCADE,
	secret @BYTES@ NOT NULL UNIQUE, -- SHA-256 of the cookie
	csrf @BYTES@ NOT NULL,          -- SHA-256 of the CSRF token
	address TEXT NOT NULL,
	made_ms @INT@ NOT NULL,
	used_ms @INT@ NOT NULL
);
CREATE INDEX session_person ON session (person);

CREATE TABLE token (
	id @ID@,
	person @INT@ NOT NULL REFERENCES person (id) ON DELETE CASCADE,
	name TEXT NOT NULL,
	secret @BYTES@ NOT NULL UNIQUE, -- SHA-256
	scopes TEXT NOT NULL,           -- names of capabilities, a space between
	made_ms @INT@ NOT NULL,
	ends_ms @INT@ NOT NULL,
	used_ms @INT@ NOT NULL,
	UNIQUE (person, name)
);

CREATE TABLE audit (
	id @ID@,
	time_ms @INT@ NOT NULL,
	person @INT@ NOT NULL,
	who TEXT NOT NULL,
	address TEXT NOT NULL,
	via TEXT NOT NULL,
	action TEXT NOT NULL,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	before TEXT,
	after TEXT
);
