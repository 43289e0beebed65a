-- SPDX-License-Identifier: Apache-2.0
-- What a CA certificate has issued is found by it (certificate_index fills what was there before).

ALTER TABLE object_key ADD COLUMN issuer @INT@;  -- a hash of the issuer's name; -1: of a request
CREATE INDEX object_key_issuer ON object_key (issuer);
