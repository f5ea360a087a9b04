using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Datum.Providers.Drivers.Proxmox.Instances;

namespace Datum.Providers.Drivers.Proxmox.Seed;

/// <summary>
/// The medium from which cloud-init takes what the guest shall become (NoCloud): user data, identity, network. It holds no secret, lies on the
/// ISO storage only until the guest has reported, and its file's name is its mark.
/// </summary>
internal static class SeedMedium
{
    /// <summary>cloud-init looks for this volume label.</summary>
    private const string Label = "cidata";

    public static string FileName(Identity id) => string.Create(CultureInfo.InvariantCulture, $"datum-{id.Installation}-{ResourceNames.Prefix(id.Kind)}-{id.Name}-{id.Incarnation}.iso");

    /// <summary>The mark in a file's name; null for others'.</summary>
    public static Mark? ReadMark(string? volume)
    {
        var name = volume?[(volume.LastIndexOf('/') + 1)..] ?? "";
        return name.EndsWith(".iso", StringComparison.Ordinal) && name[..^4].Split('-') is ["datum", { Length: > 0 and <= 16 } install, var prefix, { Length: 32 } own, var incarnation]
            && ResourceNames.KindOf(prefix) is { } kind && long.TryParse(incarnation, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? new Mark { Installation = install, Kind = kind, Name = own, Incarnation = number } : null;
    }

    public static byte[] Write(Identity id, InstanceSpec desired, ReadOnlyMemory<byte> userData, IReadOnlyList<ImmutableArray<NicAddress>> addresses, IReadOnlyList<int?> mtus, ImmutableArray<string> nameServers)
    {
        var meta = string.Create(CultureInfo.InvariantCulture, $"instance-id: {id.Name}-{id.Incarnation}\nlocal-hostname: {desired.Hostname}\n");
        return IsoImage.Write(Label,
        [
            ("meta-data", Encoding.UTF8.GetBytes(meta)),
            ("network-config", NetworkConfig(id, desired, addresses, mtus, nameServers)),
            ("user-data", userData),
        ]);
    }

    /// <summary>Version 2 of cloud-init's network configuration, as JSON, which is YAML too: fixed addresses, found by the interface's own MAC.</summary>
    public static byte[] NetworkConfig(Identity id, InstanceSpec desired, IReadOnlyList<ImmutableArray<NicAddress>> addresses, IReadOnlyList<int?> mtus, ImmutableArray<string> nameServers)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteNumber("version", 2);
            json.WriteStartObject("ethernets");
            for (var i = 0; i < desired.Interfaces.Length; i++)
            {
                json.WriteStartObject(desired.Interfaces[i].Name);
                json.WriteStartObject("match");
                json.WriteString("macaddress", Addresses.Mac(id, i).ToLowerInvariant());
                json.WriteEndObject();
                json.WriteString("set-name", desired.Interfaces[i].Name);
                json.WriteBoolean("dhcp4", false);
                json.WriteBoolean("dhcp6", false);
                json.WriteBoolean("accept-ra", false);
                if (mtus[i] is { } mtu)
                    json.WriteNumber("mtu", mtu);
                json.WriteStartArray("addresses");
                foreach (var address in addresses[i])
                    json.WriteStringValue(string.Create(CultureInfo.InvariantCulture, $"{address.Address}/{address.Range.PrefixLength}"));
                json.WriteEndArray();
                // Two default routes of one family would be one too many.
                if (i == 0)
                    Gateways(json, addresses[i], nameServers);
                json.WriteEndObject();
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    /// <summary>The upload as the platform's form takes it: the kind of content first, then the file.</summary>
    public static RestRequest Upload(string node, string storage, string name, ReadOnlySpan<byte> image)
    {
        var boundary = "datum-" + Convert.ToHexStringLower(SHA256.HashData(image).AsSpan(0, 16));
        var head = $"--{boundary}\r\nContent-Disposition: form-data; name=\"content\"\r\n\r\niso\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n";
        return new RestRequest
        {
            Method = HttpMethod.Post,
            Path = $"nodes/{node}/storage/{storage}/upload",
            Body = (byte[])[.. Encoding.ASCII.GetBytes(head), .. image, .. Encoding.ASCII.GetBytes($"\r\n--{boundary}--\r\n")],
            ContentType = $"multipart/form-data; boundary={boundary}",
        };
    }

    private static void Gateways(Utf8JsonWriter json, ImmutableArray<NicAddress> addresses, ImmutableArray<string> nameServers)
    {
        json.WriteStartArray("routes");
        foreach (var family in addresses.GroupBy(a => a.Range.IsIPv6))
        {
            json.WriteStartObject();
            json.WriteString("to", family.Key ? "::/0" : "0.0.0.0/0");
            json.WriteString("via", family.First().Range.Gateway.ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        if (nameServers.IsEmpty)
            return;
        json.WriteStartObject("nameservers");
        json.WriteStartArray("addresses");
        foreach (var server in nameServers)
            json.WriteStringValue(server);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
