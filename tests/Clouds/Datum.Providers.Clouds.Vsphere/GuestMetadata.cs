using System.IO.Compression;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Vsphere;

/// <summary>
/// What a guest with cloud-init would take from <c>guestinfo.metadata</c>: host name, and the addresses of network configuration version 2 (JSON, or
/// YAML in block style with <c>macaddress</c> before <c>addresses</c>), by hardware address, else in order.
/// </summary>
internal static partial class GuestMetadata
{
    public static ImmutableArray<ImmutableArray<string>> Addresses(IReadOnlyDictionary<string, string> options, ImmutableArray<string> macs)
    {
        var found = Ethernets(Decode(options, "guestinfo.metadata"));
        return [.. macs.Select((mac, i) => found.FirstOrDefault(e => e.Mac.Equals(mac, StringComparison.OrdinalIgnoreCase)) is { Mac: not null } own ? own.Addresses
            : i < found.Count && found[i].Mac.Length == 0 ? found[i].Addresses : [])];
    }

    public static string? HostName(IReadOnlyDictionary<string, string> options) => HostNamePattern().Match(Decode(options, "guestinfo.metadata")) is { Success: true } match ? match.Groups[1].Value : null;

    /// <summary>A value of guestinfo in the clear.</summary>
    public static string Decode(IReadOnlyDictionary<string, string> options, string key)
    {
        var text = options.GetValueOrDefault(key, "");
        return Decode(text, options.GetValueOrDefault(key + ".encoding", ""));
    }

    private static string Decode(string text, string encoding)
    {
        try
        {
            if (encoding is "base64" or "b64")
                return Encoding.UTF8.GetString(Convert.FromBase64String(text));
            if (encoding is not ("gzip+base64" or "gz+b64"))
                return text;
            using var gzip = new GZipStream(new MemoryStream(Convert.FromBase64String(text)), CompressionMode.Decompress);
            using var reader = new StreamReader(gzip, Encoding.UTF8);
            return reader.ReadToEnd();
        }
        catch (Exception e) when (e is FormatException or InvalidDataException)
        {
            // A guest reports nothing of what it can't read.
            return "";
        }
    }

    private static List<(string Mac, ImmutableArray<string> Addresses)> Ethernets(string text)
    {
        if (text.TrimStart().StartsWith('{'))
        {
            using var document = JsonDocument.Parse(text);
            return FromJson(document.RootElement);
        }

        var found = new List<(string Mac, ImmutableArray<string> Addresses)>();
        foreach (Match match in YamlPattern().Matches(text))
            if (match.Groups["mac"].Success)
                found.Add((match.Groups["mac"].Value, []));
            else if (found.Count > 0)
                found[^1] = (found[^1].Mac, found[^1].Addresses.Add(match.Groups["cidr"].Value));
            else
                found.Add(("", [match.Groups["cidr"].Value]));
        return found;
    }

    private static List<(string, ImmutableArray<string>)> FromJson(JsonElement root)
    {
        var network = root.TryGetProperty("network", out var inner) ? inner : root;
        if (network.ValueKind == JsonValueKind.String)
            return Ethernets(Decode(network.GetString()!, root.TryGetProperty("network.encoding", out var encoding) ? encoding.GetString() ?? "" : ""));
        if (network.TryGetProperty("network", out var nested))
            network = nested;
        if (!network.TryGetProperty("ethernets", out var ethernets))
            return [];
        return
        [
            .. ethernets.EnumerateObject().Select(e => (
                e.Value.TryGetProperty("match", out var match) && match.TryGetProperty("macaddress", out var mac) ? mac.GetString() ?? "" : "",
                e.Value.TryGetProperty("addresses", out var addresses) ? addresses.EnumerateArray().Select(a => a.GetString()!).ToImmutableArray() : [])),
        ];
    }

    [GeneratedRegex("""["']?local-hostname["']?\s*:\s*["']?([A-Za-z0-9.-]+)""")]
    private static partial Regex HostNamePattern();

    [GeneratedRegex("""macaddress["']?:\s*["']?(?<mac>[0-9A-Fa-f:]{17})|[-\[,]\s*["']?(?<cidr>[0-9A-Fa-f.:]+/[0-9]{1,3})["']?""")]
    private static partial Regex YamlPattern();
}
