/* SPDX-License-Identifier: Apache-2.0 */
/* Documents on a device: their files laid down as `link` does it, and the device's own check. */
#pragma once

#include "tests/unit/lib/pki/make.h"
#include "tests/unit/smsd/object/shelf.h"

/* Both kinds of inspection, each kind of object, each kind of file but revocation lists. */
void put_whole_configuration(struct desk *d);

/* That of wan_settings, for who reads this version (0: the newest); document_fini frees. */
struct document make_for(struct desk *d, const char *files, uint32_t version);

/* Its files into the folder, each by its digest. */
void lay_down(struct desk *d, struct make_folder *folder, const struct document *document);

/* The exit status of `tpsd --check`. */
int check_by_tpsd(const char *tpsd, const char *path);
