using System.Formats.Tar;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Datum.Providers.Clouds.Proxmox;

/// <summary>
/// Guests that do what their seed medium says: they take their network from it, wait for secrets that it speaks of, and report their health into the
/// file that it names. A guest whose medium asks for none of this does nothing.
/// </summary>
public sealed partial class ProxmoxCloud
{
    private const string SeedFolder = "/var/lib/cloud/seed/";
    private const string BeaconFile = "/run/datum-beacon.json";
    private const string SecretsFile = "/run/datum-secrets.tar";
    private const string RevisionFile = "/var/lib/datum/secrets/.revision";

    private readonly Dictionary<int, bool?> _reports = [];

    /// <summary>What a guest says of its health from now on; null: it says nothing any more.</summary>
    public void SetGuestReady(int vmid, bool? ready)
    {
        lock (_gate)
            _reports[vmid] = ready;
    }

    /// <summary>Lets guests speak for themselves again.</summary>
    public void FreeGuest(int vmid)
    {
        lock (_gate)
            _reports.Remove(vmid);
    }

    [GeneratedRegex("^wanted=([0-9a-f]+)$", RegexOptions.Multiline)]
    private static partial Regex WantedSecrets();

    private void Live(Machine machine)
    {
        var files = machine.Guest.Files;
        ReadSeed(machine);
        if (!files.TryGetValue(SeedFolder + "user-data", out var data) || UserData(data) is not { } user)
            return;
        var wanted = WantedSecrets().Match(FileOf(user, "/var/lib/datum/bin/secrets.sh") ?? "") is { Success: true } match ? match.Groups[1].Value : null;
        if (wanted is not null && files.TryGetValue(SecretsFile, out var archive) && RevisionOf(archive) == wanted)
        {
            files[RevisionFile] = Encoding.ASCII.GetBytes(wanted);
            files.Remove(SecretsFile);
        }

        var told = _reports.TryGetValue(machine.Id, out var report);
        if (FileOf(user, "/var/lib/datum/bin/beacon.sh") is null || (told && report is null))
        {
            files.Remove(BeaconFile);
            return;
        }

        var ready = told ? report!.Value : wanted is null || (files.TryGetValue(RevisionFile, out var there) && Encoding.ASCII.GetString(there) == wanted);
        const string unit = "/etc/systemd/system/datum-container-";
        files[BeaconFile] = JsonSerializer.SerializeToUtf8Bytes(new JsonObject
        {
            ["version"] = 1,
            ["ready"] = ready,
            ["time"] = Now.ToUnixTimeSeconds(),
            ["containers"] = new JsonArray([.. PathsOf(user).Where(p => p.StartsWith(unit, StringComparison.Ordinal) && p.EndsWith(".service", StringComparison.Ordinal))
                .Select(p => (JsonNode)new JsonObject { ["name"] = p[unit.Length..^".service".Length], ["state"] = ready ? "active" : "activating", ["restarts"] = 0 })]),
        });
    }

    /// <summary>A medium counts once for each instance id, as cloud-init has it.</summary>
    private void ReadSeed(Machine machine)
    {
        foreach (var drive in machine.Disks)
        {
            if (VolumeOf(machine.Config[drive], machine.Node) is not { Data.Length: > 0 } volume || SeedReader.Label(volume.Data) != "cidata")
                continue;
            var seed = SeedReader.Read(volume.Data);
            if (!seed.TryGetValue("meta-data", out var meta) || (machine.Guest.Files.TryGetValue(SeedFolder + "meta-data", out var known) && known.AsSpan().SequenceEqual(meta)))
                continue;
            foreach (var (name, content) in seed)
                machine.Guest.Files[SeedFolder + name] = content;
            machine.Guest.Files.Remove(RevisionFile);
            machine.Guest.Interfaces ??= NetworkOf(seed.GetValueOrDefault("network-config"));
        }
    }

    private static JsonArray? NetworkOf(byte[]? config)
    {
        if (config is null || JsonNode.Parse(config)?["ethernets"] is not JsonObject nics)
            return null;
        var list = new JsonArray(Interface("lo", "00:00:00:00:00:00", [("127.0.0.1", 8), ("::1", 128)]));
        foreach (var (name, nic) in nics)
        {
            var mac = nic!["match"]!["macaddress"]!.ToString();
            list.Add(Interface(name, mac, nic["addresses"]!.AsArray().Select(a => (a!.ToString().Split('/')[0], int.Parse(a.ToString().Split('/')[1], CultureInfo.InvariantCulture))).Append(("fe80::1", 64))));
        }

        return list;
    }

    private static JsonObject? UserData(byte[] data)
    {
        var text = Encoding.UTF8.GetString(data);
        try
        {
            return text.StartsWith("#cloud-config\n", StringComparison.Ordinal) ? JsonNode.Parse(text["#cloud-config\n".Length..]) as JsonObject : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static IEnumerable<string> PathsOf(JsonObject user) => (user["write_files"] as JsonArray ?? []).Select(f => f!["path"]!.ToString());

    private static string? FileOf(JsonObject user, string path)
    {
        var file = (user["write_files"] as JsonArray ?? []).FirstOrDefault(f => f!["path"]!.ToString() == path);
        return file is null ? null : file["encoding"]?.ToString() is "b64" ? Encoding.UTF8.GetString(Convert.FromBase64String(file["content"]!.ToString())) : file["content"]!.ToString();
    }

    private static string? RevisionOf(byte[] archive)
    {
        try
        {
            using var reader = new TarReader(new MemoryStream(archive));
            while (reader.GetNextEntry() is { } entry)
                if (entry.Name == ".revision" && entry.DataStream is { } stream)
                    return new StreamReader(stream).ReadToEnd().Trim();
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException or ArgumentException)
        {
            // It isn't whole yet.
        }

        return null;
    }
}
