-- SPDX-License-Identifier: Apache-2.0
-- Objects that have an order, and names of child profiles.

-- Where one comes among its kind (object_place): 0 of kinds that come by name. A virtual segment
-- without a place comes behind all that have one, by name: as all did.
ALTER TABLE object ADD COLUMN place @INT@ NOT NULL DEFAULT 0;
UPDATE object SET place = 1000000001 WHERE kind = 'virtual segment';
CREATE INDEX object_order ON object (kind, place, name);

-- 1: the name of a child profile itself (R113), and of no policy.
ALTER TABLE policy_name ADD COLUMN itself @INT@ NOT NULL DEFAULT 0;
