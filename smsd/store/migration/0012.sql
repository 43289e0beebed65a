-- SPDX-License-Identifier: Apache-2.0
-- What documents of many devices have in common is kept once: a thousand devices that are alike
-- had each other's text, and a row for each file of each of them.

CREATE TABLE document_body (
	id @ID@,
	device @INT@,                   -- these two until the end of this migration
	revision @INT@,
	digest @BYTES@ NOT NULL,        -- of all that is in it; from before: of the one document
	head TEXT NOT NULL,             -- before the device's name
	tail TEXT NOT NULL,             -- behind it
	keys TEXT NOT NULL,             -- array of ids in hexadecimal
	objects TEXT NOT NULL           -- array of {kind, id, revision, name}
);
INSERT INTO document_body (digest, head, tail, keys, objects, device, revision)
	SELECT sha256, text, '', keys, objects, device, revision FROM device_document;
CREATE INDEX document_body_digest ON document_body (digest);

-- Files that a device may fetch with it.
CREATE TABLE document_file (
	body @INT@ NOT NULL REFERENCES document_body (id) ON DELETE CASCADE,
	sha256 @BYTES@ NOT NULL REFERENCES blob (sha256),
	size @INT@ NOT NULL,
	PRIMARY KEY (body, sha256)
);
INSERT INTO document_file (body, sha256, size)
	SELECT b.id, f.sha256, f.size FROM device_file f
	JOIN document_body b ON b.device = f.device AND b.revision = f.revision;
CREATE INDEX document_file_sha256 ON document_file (sha256);
DROP TABLE device_file;

CREATE TABLE device_document_new (
	device @INT@ NOT NULL REFERENCES device (id) ON DELETE CASCADE,
	revision @INT@ NOT NULL,
	body @INT@ NOT NULL REFERENCES document_body (id),
	name TEXT NOT NULL,             -- between head and tail
	sha256 @BYTES@ NOT NULL,
	size @INT@ NOT NULL,            -- bytes of the text
	confirm_s @INT@ NOT NULL,
	made_ms @INT@ NOT NULL,
	PRIMARY KEY (device, revision)
);
INSERT INTO device_document_new (device, revision, body, name, sha256, size, confirm_s, made_ms)
	SELECT t.device, t.revision, b.id, '', t.sha256, t.size, t.confirm_s, t.made_ms
	FROM device_document t JOIN document_body b ON b.device = t.device AND b.revision = t.revision;
DROP TABLE device_document;
ALTER TABLE device_document_new RENAME TO device_document;
CREATE INDEX device_document_body ON device_document (body);
ALTER TABLE document_body DROP COLUMN device;
ALTER TABLE document_body DROP COLUMN revision;
