-- SPDX-License-Identifier: Apache-2.0
-- What each device said last of its licence (R36-R40).

CREATE TABLE licence_told (
	device @INT@ PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
	sha256 TEXT NOT NULL,           -- of the licence of ours that it has taken; empty: none
	refused TEXT NOT NULL,          -- why it takes none of the installed one; empty
	states TEXT NOT NULL,           -- array of {capability, state, source, until, text}
	told_ms @INT@ NOT NULL
);
