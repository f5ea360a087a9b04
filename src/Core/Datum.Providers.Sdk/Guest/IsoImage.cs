using System.Buffers.Binary;
using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>
/// A small ISO 9660 image with files in its root: names of eight and three for the standard, and the real ones by Rock Ridge (NM) and by Joliet.
/// ECMA-119, IEEE P1282, the Joliet specification. Equal files make equal bytes: all dates are one.
/// </summary>
public static class IsoImage
{
    /// <summary>Bytes of a sector; an image is a multiple of it.</summary>
    public const int Sector = 2048;

    private const int FirstDescriptor = 16;
    private const int PathTableLittle = 19;
    private const int PathTableBig = 20;
    private const int JolietTableLittle = 21;
    private const int JolietTableBig = 22;
    private const int Root = 23;
    private const int JolietRoot = 24;
    private const int FirstFile = 25;
    private const int PathTableSize = 10;

    private static readonly UTF8Encoding Utf8 = new(false);

    /// <summary>Makes an image. The label has up to 16 characters of ASCII (a guest may read the Joliet one), names up to 64; all of them have to fit into one directory sector, else <see cref="ArgumentException"/>.</summary>
    public static byte[] Write(string label, IReadOnlyList<(string Name, ReadOnlyMemory<byte> Content)> files)
    {
        var extents = new List<(string Name, string Short, uint At, ReadOnlyMemory<byte> Content)>();
        var next = (uint)FirstFile;
        for (var i = 0; i < files.Count; i++)
        {
            extents.Add((files[i].Name, Short(files[i].Name, i), next, files[i].Content));
            next += (uint)Math.Max(1, (files[i].Content.Length + Sector - 1) / Sector);
        }

        var image = new byte[next * Sector];
        Descriptor(At(image, FirstDescriptor), 1, label, next, PathTableLittle, PathTableBig, Root, joliet: false);
        Descriptor(At(image, FirstDescriptor + 1), 2, label, next, JolietTableLittle, JolietTableBig, JolietRoot, joliet: true);
        var end = At(image, FirstDescriptor + 2);
        end[0] = 255;
        "CD001"u8.CopyTo(end[1..]);
        end[6] = 1;
        PathTable(At(image, PathTableLittle), Root, big: false);
        PathTable(At(image, PathTableBig), Root, big: true);
        PathTable(At(image, JolietTableLittle), JolietRoot, big: false);
        PathTable(At(image, JolietTableBig), JolietRoot, big: true);
        Directory(At(image, Root), Root, extents.OrderBy(e => e.Short, StringComparer.Ordinal).Select(e => (Encoding.ASCII.GetBytes(e.Short), e.At, e.Content.Length, RockRidge(e.Name))), RootRockRidge());
        Directory(At(image, JolietRoot), JolietRoot, extents.OrderBy(e => e.Name, StringComparer.Ordinal).Select(e => (Encoding.BigEndianUnicode.GetBytes(e.Name + ";1"), e.At, e.Content.Length, Array.Empty<byte>())), []);
        foreach (var (_, _, at, content) in extents)
            content.Span.CopyTo(image.AsSpan((int)at * Sector));
        return image;
    }

    private static Span<byte> At(byte[] image, int sector) => image.AsSpan(sector * Sector, Sector);

    /// <summary>Eight and three of the standard's letters; the number keeps them apart.</summary>
    private static string Short(string name, int number)
    {
        var letters = new string([.. name.ToUpperInvariant().Where(char.IsAsciiLetterOrDigit).Take(6)]);
        return $"{letters}{number:00}.;1";
    }

    private static void Descriptor(Span<byte> to, byte type, string label, uint sectors, uint little, uint big, uint root, bool joliet)
    {
        to[0] = type;
        "CD001"u8.CopyTo(to[1..]);
        to[6] = 1;
        Fill(to.Slice(8, 32), "", joliet);
        Fill(to.Slice(40, 32), label, joliet);
        Both32(to[80..], sectors);
        // UCS-2 level 3.
        if (joliet)
            "%/E"u8.CopyTo(to[88..]);
        Both16(to[120..], 1);
        Both16(to[124..], 1);
        Both16(to[128..], Sector);
        Both32(to[132..], PathTableSize);
        BinaryPrimitives.WriteUInt32LittleEndian(to[140..], little);
        BinaryPrimitives.WriteUInt32BigEndian(to[148..], big);
        Record(to[156..], [0], root, Sector, directory: true, []);
        Fill(to.Slice(190, 128), "", joliet);
        Fill(to.Slice(318, 128), "", joliet);
        Fill(to.Slice(446, 128), "", joliet);
        Fill(to.Slice(574, 128), "", joliet);
        Fill(to.Slice(702, 37), "", joliet);
        Fill(to.Slice(739, 37), "", joliet);
        Fill(to.Slice(776, 37), "", joliet);
        for (var date = 813; date < 881; date += 17)
            (date < 847 ? "2000010100000000"u8 : "0000000000000000"u8).CopyTo(to[date..]);
        to[881] = 1;
    }

    private static void Fill(Span<byte> to, string text, bool wide)
    {
        if (!wide)
        {
            to.Fill((byte)' ');
            Encoding.ASCII.GetBytes(text, to);
            return;
        }

        for (var i = 0; i + 1 < to.Length; i += 2)
            BinaryPrimitives.WriteUInt16BigEndian(to[i..], i / 2 < text.Length ? text[i / 2] : ' ');
    }

    private static void PathTable(Span<byte> to, uint root, bool big)
    {
        to[0] = 1;
        if (big)
        {
            BinaryPrimitives.WriteUInt32BigEndian(to[2..], root);
            BinaryPrimitives.WriteUInt16BigEndian(to[6..], 1);
        }
        else
        {
            BinaryPrimitives.WriteUInt32LittleEndian(to[2..], root);
            BinaryPrimitives.WriteUInt16LittleEndian(to[6..], 1);
        }
    }

    private static void Directory(Span<byte> to, uint self, IEnumerable<(byte[] Name, uint At, int Size, byte[] System)> files, byte[] system)
    {
        var used = Record(to, [0], self, Sector, directory: true, system);
        used += Record(to[used..], [1], self, Sector, directory: true, []);
        foreach (var (name, at, size, extra) in files)
            used += Record(to[used..], name, at, (uint)size, directory: false, extra);
    }

    private static int Record(Span<byte> to, byte[] name, uint at, uint size, bool directory, byte[] system)
    {
        var head = 33 + name.Length + (name.Length % 2 == 0 ? 1 : 0);
        var length = head + system.Length;
        if (length > 255 || length > to.Length)
            throw new ArgumentException("The names don't fit into one directory sector.", nameof(name));
        to[0] = (byte)length;
        Both32(to[2..], at);
        Both32(to[10..], size);
        // 1 January 2000.
        to[18] = 100;
        to[19] = 1;
        to[20] = 1;
        to[25] = (byte)(directory ? 2 : 0);
        Both16(to[28..], 1);
        to[32] = (byte)name.Length;
        name.CopyTo(to[33..]);
        system.CopyTo(to[head..]);
        return length;
    }

    /// <summary>PX (a file that everybody reads) and NM (its name).</summary>
    private static byte[] RockRidge(string name)
    {
        var text = Utf8.GetBytes(name);
        var length = 36 + 5 + text.Length;
        var entries = new byte[length + length % 2];
        Posix(entries, 0x8124);
        "NM"u8.CopyTo(entries.AsSpan(36));
        entries[38] = (byte)(5 + text.Length);
        entries[39] = 1;
        text.CopyTo(entries.AsSpan(41));
        return entries;
    }

    /// <summary>SP says that there is more than the standard; ER says what; PX is a directory that everybody reads.</summary>
    private static byte[] RootRockRidge()
    {
        var id = "RRIP_1991A"u8;
        var entries = new byte[7 + 36 + 8 + id.Length + 1];
        ReadOnlySpan<byte> sharing = [(byte)'S', (byte)'P', 7, 1, 0xbe, 0xef, 0];
        sharing.CopyTo(entries);
        Posix(entries.AsSpan(7), 0x416d);
        "ER"u8.CopyTo(entries.AsSpan(43));
        entries[45] = (byte)(8 + id.Length);
        entries[46] = 1;
        entries[47] = (byte)id.Length;
        entries[50] = 1;
        id.CopyTo(entries.AsSpan(51));
        return entries;
    }

    private static void Posix(Span<byte> to, uint mode)
    {
        "PX"u8.CopyTo(to);
        to[2] = 36;
        to[3] = 1;
        Both32(to[4..], mode);
        Both32(to[12..], 1);
    }

    private static void Both16(Span<byte> to, ushort value)
    {
        BinaryPrimitives.WriteUInt16LittleEndian(to, value);
        BinaryPrimitives.WriteUInt16BigEndian(to[2..], value);
    }

    private static void Both32(Span<byte> to, uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(to, value);
        BinaryPrimitives.WriteUInt32BigEndian(to[4..], value);
    }
}
