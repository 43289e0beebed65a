-- SPDX-License-Identifier: Apache-2.0
-- Packages: whom they are believed, where they come from, what is here, what was installed.

CREATE TABLE package_key (
	name TEXT PRIMARY KEY,
	fingerprint TEXT NOT NULL UNIQUE,
	pem TEXT NOT NULL,
	made_ms @INT@ NOT NULL
);
CREATE TABLE package_source (
	id @ID@,
	name TEXT NOT NULL UNIQUE,
	revision @INT@ NOT NULL,
	body TEXT NOT NULL,             -- address, ca, minutes, automatic
	due_ms @INT@ NOT NULL,
	checked_ms @INT@ NOT NULL,      -- 0: never
	error TEXT NOT NULL             -- of the last check; empty: none
);
CREATE TABLE package (
	id @ID@,
	kind TEXT NOT NULL,
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	description TEXT NOT NULL,
	created_ms @INT@ NOT NULL,
	imported_ms @INT@ NOT NULL,
	source TEXT NOT NULL,           -- empty: by hand
	signer TEXT NOT NULL,           -- fingerprint
	size @INT@ NOT NULL,
	sha256 @BYTES@ NOT NULL UNIQUE REFERENCES blob (sha256),
	key_size @INT@ NOT NULL,        -- of its public key as a file
	key_sha256 @BYTES@ NOT NULL REFERENCES blob (sha256),
	content_size @INT@ NOT NULL,    -- of what is laid down unpacked
	content_sha256 @BYTES@ REFERENCES blob (sha256),
	content TEXT,                   -- what documents have in themselves
	summary TEXT NOT NULL
);
CREATE INDEX package_kind ON package (kind, id);
CREATE TABLE package_install (
	id @ID@,
	kind TEXT NOT NULL,
	package @INT@ NOT NULL,         -- 0: none from then on
	name TEXT NOT NULL,
	version TEXT NOT NULL,
	who TEXT NOT NULL,
	time_ms @INT@ NOT NULL
);
CREATE INDEX package_install_kind ON package_install (kind, id);
