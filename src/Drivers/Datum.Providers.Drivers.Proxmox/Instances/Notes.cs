using System.IO.Compression;
using System.Text.Json;

namespace Datum.Providers.Drivers.Proxmox.Instances;

/// <summary>
/// What a machine's description holds beside the mark: what it was made of, and how far its first boot came. Hashes stand for contents; nothing
/// secret enters. What a person wrote into the description stays.
/// </summary>
internal sealed record Notes
{
    private const string Key = "datum-notes:";

    /// <summary>The platform's descriptions take 8192 characters.</summary>
    private const int MaxLength = 8192;

    /// <summary>See <see cref="GuestFingerprint"/>.</summary>
    public SortedDictionary<string, string>? Spec { get; init; }

    /// <summary>The last wish for a restart that was fulfilled.</summary>
    public string? RestartedAt { get; init; }

    /// <summary>Whether the first boot is over and the seed medium was taken away.</summary>
    public bool? Booted { get; init; }

    /// <summary>Whether the machine ever had rules of ours; null where an older driver wrote this.</summary>
    public bool? Ruled { get; init; }

    /// <summary>Seconds that the guest has to stop.</summary>
    public int? Grace { get; init; }

    /// <summary>Null when the description holds none, or none that can be read.</summary>
    public static Notes? Read(string? description)
    {
        foreach (var line in (description ?? "").Split('\n'))
        {
            if (!line.StartsWith(Key, StringComparison.Ordinal))
                continue;
            try
            {
                using var packed = new MemoryStream(Convert.FromBase64String(line[Key.Length..].Trim()));
                using var plain = new GZipStream(packed, CompressionMode.Decompress);
                using var bytes = new MemoryStream();
                plain.CopyTo(bytes);
                return JsonSerializer.Deserialize(bytes.ToArray(), SettingsJson.Default.Notes);
            }
            catch (Exception e) when (e is FormatException or JsonException or InvalidDataException or IOException)
            {
                return null;
            }
        }

        return null;
    }

    /// <summary>The description with mark and notes, and whatever else stood in it.</summary>
    public string Write(string? description, Mark mark, string? hint)
    {
        var others = (description ?? "").Split('\n').Select(l => l.TrimEnd('\r')).Where(l => !l.StartsWith(Key, StringComparison.Ordinal) && TextMarks.Read(l) is null).ToList();
        while (others.Count > 0 && others[0].Length == 0)
            others.RemoveAt(0);
        while (others.Count > 0 && others[^1].Length == 0)
            others.RemoveAt(others.Count - 1);
        var head = ProxmoxContext.Comments.Write(mark, hint);
        var people = others.Count > 0 ? string.Join('\n', others) + "\n" : "";
        var text = $"{head}\n{people}{Key}{Pack(this)}";
        if (text.Length > MaxLength)
            // Too many fields to tell apart: that something changed is seen by the hash over all.
            text = $"{head}\n{people}{Key}{Pack(this with { Spec = Spec is null ? null : new SortedDictionary<string, string>(Spec.Where(f => GuestFingerprint.IsCoarse(f.Key)).ToDictionary(f => f.Key, f => f.Value, StringComparer.Ordinal), StringComparer.Ordinal) })}";
        return text;
    }

    private static string Pack(Notes notes)
    {
        using var packed = new MemoryStream();
        using (var zip = new GZipStream(packed, CompressionLevel.SmallestSize))
            zip.Write(JsonSerializer.SerializeToUtf8Bytes(notes, SettingsJson.Default.Notes));
        return Convert.ToBase64String(packed.ToArray());
    }
}
