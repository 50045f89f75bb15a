using System;
using System.Runtime.InteropServices;

namespace Google.Protobuf
{
    /// <summary>What protobuf's library calls of System.Runtime.CompilerServices.Unsafe, which Mono has for itself only.</summary>
    static unsafe class Unsafe
    {
        const int Widest = sizeof(ulong);

        public static T ReadUnaligned<T>(ref byte source) where T : struct
        {
            fixed (byte* at = &source) return MemoryMarshal.Read<T>(new ReadOnlySpan<byte>(at, Widest));
        }

        public static void WriteUnaligned<T>(ref byte target, T value) where T : struct
        {
            fixed (byte* at = &target) MemoryMarshal.Write(new Span<byte>(at, Widest), ref value);
        }

        public static ref byte As<TFrom, TTo>(ref char source)
        {
            fixed (char* at = &source) return ref *(byte*)at;
        }

        public static ref byte Add(ref byte source, int count)
        {
            fixed (byte* at = &source) return ref at[count];
        }

        public static ref byte AddByteOffset(ref byte source, IntPtr offset)
        {
            fixed (byte* at = &source) return ref at[(long)offset];
        }

        public static ref char AddByteOffset(ref char source, IntPtr offset)
        {
            fixed (char* at = &source) return ref *(char*)((byte*)at + (long)offset);
        }
    }
}
