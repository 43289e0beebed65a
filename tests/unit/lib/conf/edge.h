/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limits of every row of an object, at, below and over the edge: one walk along the schema, so
 * a row that is added is tested from that day on. A value over its edge is refused at its own
 * pointer with a remedy; one at it is not, whatever else the object lacks.
 */
#pragma once

#include "lib/conf/schema.h"

/* Fails the test with the row's place; how many values were tried. */
unsigned edge_walk(const struct conf_object *shape);
