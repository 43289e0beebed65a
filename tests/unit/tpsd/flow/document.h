/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration of a document in a test. */
#pragma once

struct config;

/* The test fails, with the errors, when it is refused. For config_destroy. */
struct config *document_build(const char *text);
