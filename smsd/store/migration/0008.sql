-- SPDX-License-Identifier: Apache-2.0
-- Which devices need a distribution (R132).

CREATE TABLE device_due (
	device @INT@ PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
	sha256 @BYTES@,                 -- of the document that the objects make of it; NULL: of none
	of_change @INT@ NOT NULL,       -- changes there were when it was made; -1: to be made again
	of_revision @INT@ NOT NULL,     -- the device's then
	since_ms @INT@ NOT NULL         -- since when that is not in force; 0: it is
);
