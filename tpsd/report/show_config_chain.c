/* SPDX-License-Identifier: Apache-2.0 */
/* From a certificate of the configuration to its public part. */
#include "lib/conf/config.h"
#include "tpsd/report/show_config.h"

int config_load_chain(const struct config_certificate *cert, struct pki_chain **ret_chain,
                      struct pki_error *err)
{
	const struct pki_files files = {.certificate = cert->certificate,
	                                .private_key = cert->private_key,
	                                .password_file = cert->password_file,
	                                .chain = cert->chain,
	                                .format = (enum pki_format)cert->format};

	return pki_chain_load(&files, ret_chain, err);
}
