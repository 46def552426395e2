/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright 2026 The Paravane authors
 */
#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pvn_ivshmem_peer.h"

static _Thread_local char why[512];

const char *
pvn_ivshmem_why(void)
{
	return why[0] == '\0' ? "nothing went wrong" : why;
}

int
ivs_fail(int error, const char *fmt, ...)
{
	char text[sizeof(why)]; /* the arguments may be the text before */
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	memcpy(why, text, sizeof(why));
	errno = error;
	return -error;
}
