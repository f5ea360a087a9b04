using System.Buffers.Binary;
using System.Numerics;
using System.Text;

namespace Datum.Providers.DevPlane;

/// <summary>
/// One record of the log: 4 bytes payload length, 4 bytes CRC32C of that length, 4 bytes CRC32C of the payload, payload.
/// Payload: 1 byte type, 8 bytes version, 2 bytes length and text of the resource, the object's JSON. Integers are little-endian.
/// </summary>
internal static class LogRecord
{
    public const int HeadSize = 12;
    public const int MaxPayload = 64 << 20;

    public static byte[] Encode(ChangeType type, string resource, StoredObject value)
    {
        var nameLength = Encoding.UTF8.GetByteCount(resource);
        var length = 11 + nameLength + value.Json.Length;
        var record = new byte[HeadSize + length];
        var payload = record.AsSpan(HeadSize);
        payload[0] = (byte)type;
        BinaryPrimitives.WriteUInt64LittleEndian(payload[1..], value.Version);
        BinaryPrimitives.WriteUInt16LittleEndian(payload[9..], (ushort)nameLength);
        Encoding.UTF8.GetBytes(resource, payload[11..]);
        value.Json.CopyTo(payload[(11 + nameLength)..]);
        BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), Crc32C(record.AsSpan(0, 4)));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Crc32C(payload));
        return record;
    }

    /// <summary>The payload length that a record head states, or null where the head's own checksum fails.</summary>
    public static int? Length(ReadOnlySpan<byte> head)
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(head);
        return BinaryPrimitives.ReadUInt32LittleEndian(head[4..]) == Crc32C(head[..4]) && length is >= 11 and <= MaxPayload ? (int)length : null;
    }

    public static bool Matches(ReadOnlySpan<byte> head, ReadOnlySpan<byte> payload) =>
        BinaryPrimitives.ReadUInt32LittleEndian(head[8..]) == Crc32C(payload);

    public static (ChangeType Type, string Resource, StoredObject Value) Decode(ReadOnlySpan<byte> payload)
    {
        var type = (ChangeType)payload[0];
        if (!Enum.IsDefined(type)) throw new InvalidDataException($"unknown record type {payload[0]}");
        var version = BinaryPrimitives.ReadUInt64LittleEndian(payload[1..]);
        var nameLength = BinaryPrimitives.ReadUInt16LittleEndian(payload[9..]);
        var resource = Encoding.UTF8.GetString(payload.Slice(11, nameLength));
        return (type, resource, StoredObject.Load(version, payload[(11 + nameLength)..].ToArray()));
    }

    public static uint Crc32C(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        while (data.Length >= 8)
        {
            crc = BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[8..];
        }

        foreach (var b in data) crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
