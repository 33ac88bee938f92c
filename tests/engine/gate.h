/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gate.h - a storage whose barriers wait until they are let through: a test decides what happens while one runs.
 *
 * One gate at a time. It is put into a storage before a store is opened on it.
 */
#ifndef CLFS_TESTS_ENGINE_GATE_H
#define CLFS_TESTS_ENGINE_GATE_H

#include "storage/storage.h"

/* Barriers of `storage` go through the gate from now on. It is open. */
void gate_install (clfs_storage *storage);
/* Barriers wait from now on. */
void gate_close (void);
/* Lets `count` barriers through. */
void gate_pass (unsigned count);
/* Lets all through. */
void gate_open (void);
/* Waits until a barrier stands at the gate. */
void gate_await (void);
/* How many barriers came since gate_install. */
unsigned gate_barriers (void);

#endif
