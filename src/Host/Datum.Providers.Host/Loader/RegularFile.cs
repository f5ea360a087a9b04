using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Datum.Providers.Host.Loader;

/// <summary>What stands under a path is nothing that can be read as a file; the message says what it is.</summary>
internal sealed class NotRegularFileException(string message) : IOException(message);

/// <summary>
/// Reads files of a volume that somebody else filled. A FIFO would hang the start, a device has no end, and to open one may already do
/// something: so the kind is asked first, the file is opened without waiting, and no more is read than it said to have.
/// </summary>
internal static partial class RegularFile
{
    private const int TypeMask = 0xF000;
    private const int Folder = 0x4000;
    private const int Regular = 0x8000;

    /// <summary>What a path leads to, links followed, in words; null for a regular file or a folder, and where the system can't tell.</summary>
    public static string? OddKind(string path)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        Span<byte> answer = stackalloc byte[256];
        // AT_FDCWD; no flags: links are followed. STATX_TYPE.
        if (Native.Statx(-100, path, 0, 1, answer) != 0)
            return null; // opening it says why
        return (BinaryPrimitives.ReadUInt16LittleEndian(answer[28..]) & TypeMask) switch
        {
            Regular or Folder => null,
            0x1000 => "a FIFO",
            0x2000 or 0x6000 => "a device",
            0xC000 => "a socket",
            _ => "no file",
        };
    }

    /// <summary>All bytes. Throws <see cref="NotRegularFileException"/>, <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/>.</summary>
    public static byte[] Read(string path, long maxBytes)
    {
        if (OddKind(path) is { } kind)
            throw new NotRegularFileException($"{path} is {kind}; a driver's folder holds files and folders only. Remove it.");
        using var handle = Open(path);
        try
        {
            var length = RandomAccess.GetLength(handle);
            if (length > maxBytes)
                throw new NotRegularFileException($"{path} has {length} bytes, more than {maxBytes}; that is no file of a driver.");
            var bytes = new byte[length];
            var read = 0;
            while (read < bytes.Length && RandomAccess.Read(handle, bytes.AsSpan(read), read) is > 0 and var count)
                read += count;
            return read == bytes.Length ? bytes : throw new IOException($"{path} became shorter while it was read; wait until the driver volume is at rest.");
        }
        catch (NotSupportedException e)
        {
            throw new NotRegularFileException($"{path} can't be read as a file: {e.Message}");
        }
    }

    private static SafeFileHandle Open(string path)
    {
        if (!OperatingSystem.IsLinux())
            return File.OpenHandle(path);
        // O_NONBLOCK: what was a file when it was looked at may be a FIFO by now. O_CLOEXEC.
        var handle = new SafeFileHandle(Native.Open(path, 0x800 | 0x80000), ownsHandle: true);
        if (!handle.IsInvalid)
            return handle;
        handle.Dispose();
        // Says in words what went wrong, or succeeds where only the first attempt failed.
        return File.OpenHandle(path);
    }

    private static partial class Native
    {
        [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Statx(int folder, string path, int flags, uint mask, Span<byte> answer);

        [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
        internal static partial int Open(string path, int flags);
    }
}
