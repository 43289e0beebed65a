/* SPDX-License-Identifier: Apache-2.0 */
/* libFuzzer: an SMS's answer, to each call of a device. The first byte is the call, the second
 * whether it is a refusal; the rest is the body. */
#include <stdlib.h>

#include "lib/base/err.h"
#include "tpsd/link/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wanted_file *files;
	struct sealed sealed;
	struct answer answer;
	struct wanted wanted;
	uint64_t number;
	size_t count;
	char *steps;

	if (size < 2)
		return 0;
	answer_read(data[0] % REMOTE_CALL_END, data[1] & 1 ? 200 : 403, data + 2, size - 2,
	            &answer);
	if (answer.value) {
		(void)!answer_wanted(answer.value, &wanted);
		if (answer_panic(answer.value, 1, &number, &steps) == 0)
			free(steps);
		if (answer_files(answer.value, &files, &count) == 0)
			free(files);
		for (size_t i = 0; answer_key(answer.value, i, &sealed) != SL_ENOENT && i < 100;
		     i++)
			;
	}
	answer_fini(&answer);
	return 0;
}
