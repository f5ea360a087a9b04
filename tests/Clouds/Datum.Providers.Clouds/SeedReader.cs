using System.Buffers.Binary;
using System.Text;

namespace Datum.Providers.Clouds;

/// <summary>Reads the files in the root of an ISO 9660 image, by their Joliet or their Rock Ridge names, as a guest's kernel does.</summary>
public static class SeedReader
{
    private const int Sector = 2048;

    /// <summary>The volume label of the primary descriptor; null when it is no image.</summary>
    public static string? Label(ReadOnlySpan<byte> image) => IsDescriptor(image, 16, 1) ? Encoding.ASCII.GetString(image.Slice(16 * Sector + 40, 32)).Trim() : null;

    /// <summary>Files by name; empty when it is no image.</summary>
    public static Dictionary<string, byte[]> Read(ReadOnlySpan<byte> image, bool rockRidge = false)
    {
        var files = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        var at = 16;
        while (!IsDescriptor(image, at, rockRidge ? (byte)1 : (byte)2))
            if (image.Length < (++at + 1) * Sector || image[at * Sector] == 255)
                return files;
        var root = image.Slice(at * Sector + 156, 34);
        var (extent, size) = Place(root);
        var folder = image.Slice(extent * Sector, size);
        for (var offset = 0; offset < folder.Length && folder[offset] > 0; offset += folder[offset])
        {
            var record = folder.Slice(offset, folder[offset]);
            if ((record[25] & 2) != 0)
                continue;
            var name = rockRidge ? RockRidgeName(record) : Encoding.BigEndianUnicode.GetString(record.Slice(33, record[32]));
            var (file, length) = Place(record);
            if (name is not null)
                files[name.EndsWith(";1", StringComparison.Ordinal) ? name[..^2] : name] = image.Slice(file * Sector, length).ToArray();
        }

        return files;
    }

    private static bool IsDescriptor(ReadOnlySpan<byte> image, int sector, byte type) =>
        image.Length >= (sector + 1) * Sector && image[sector * Sector] == type && image.Slice(sector * Sector + 1, 5).SequenceEqual("CD001"u8);

    private static (int Extent, int Size) Place(ReadOnlySpan<byte> record)
    {
        var (extent, size) = (BinaryPrimitives.ReadUInt32LittleEndian(record[2..]), BinaryPrimitives.ReadUInt32LittleEndian(record[10..]));
        if (extent != BinaryPrimitives.ReadUInt32BigEndian(record[6..]) || size != BinaryPrimitives.ReadUInt32BigEndian(record[14..]))
            throw new InvalidDataException("The two byte orders of a record differ.");
        return ((int)extent, (int)size);
    }

    private static string? RockRidgeName(ReadOnlySpan<byte> record)
    {
        var at = 33 + record[32] + (record[32] % 2 == 0 ? 1 : 0);
        while (at + 4 <= record.Length && record[at + 2] >= 4)
        {
            if (record.Slice(at, 2).SequenceEqual("NM"u8))
                return Encoding.UTF8.GetString(record.Slice(at + 5, record[at + 2] - 5));
            at += record[at + 2];
        }

        return null;
    }
}
