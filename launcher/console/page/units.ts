// SPDX-License-Identifier: LGPL-2.1-or-later
// What a number counts, so that a type says its unit.

export type Seconds = number;
export type Milliseconds = number;
export type Microseconds = number;
/** Pixels of the frame or video in context; coordinates of left and upper edges are integers. */
export type Pixels = number;
