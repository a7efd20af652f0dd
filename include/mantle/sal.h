/* SPDX-License-Identifier: Apache-2.0 */
/* Annotations of parameters, which mean nothing to this compiler. */
#pragma once

#define _In_
#define _In_opt_
#define _In_z_
#define _In_opt_z_
#define _Out_
#define _Out_opt_
#define _Inout_
#define _Inout_opt_
#define _Outptr_
#define _Outptr_opt_
#define _Outptr_result_maybenull_
#define _COM_Outptr_
#define _COM_Outptr_opt_
#define _COM_Outptr_result_maybenull_
#define _Reserved_
#define _Ret_maybenull_
#define _Check_return_
#define _Must_inspect_result_
#define _Pre_
#define _Post_
#define _Null_terminated_
#define _Frees_ptr_opt_
#define _Success_(expression)
#define _In_reads_(count)
#define _In_reads_opt_(count)
#define _In_reads_bytes_(count)
#define _In_reads_bytes_opt_(count)
#define _Out_writes_(count)
#define _Out_writes_opt_(count)
#define _Out_writes_bytes_(count)
#define _Out_writes_bytes_opt_(count)
#define _Out_writes_to_(count, written)
#define _Out_writes_bytes_to_opt_(count, written)
#define _Inout_updates_(count)
#define _Inout_updates_opt_(count)
#define _When_(condition, annotation)
