-- SPDX-License-Identifier: Apache-2.0
-- Packages that somebody deleted: their sources bring them no more.

CREATE TABLE package_deleted (
	sha256 @BYTES@ PRIMARY KEY,
	time_ms @INT@ NOT NULL
);
