using System.Text;

namespace Datum.Providers.Sdk;

/// <summary>A file of the guest, owned by root.</summary>
internal sealed record GuestFile(string Path, int Mode, ReadOnlyMemory<byte> Content, string Source);

/// <summary>A systemd unit of the guest.</summary>
internal sealed record GuestUnit(string Name, string Content, bool Enabled = true);

/// <summary>A user with SSH keys.</summary>
internal sealed record GuestUser(string Name, ImmutableArray<string> Keys);

/// <summary>What the guest shall hold, in no particular form: the parts add to it, the forms write it.</summary>
internal sealed class GuestPlan(InstanceSpec spec, GuestPayloads payloads, GuestOptions options, string revision)
{
    /// <summary>Everything of ours in the guest. Below /var: /usr is read-only on CoreOS.</summary>
    public const string Folder = "/var/lib/datum";

    /// <summary>Readable by root alone; filled from the secrets document, or from user data where that is allowed.</summary>
    public const string SecretFolder = Folder + "/secrets";

    public const string Target = "datum-guest.target";
    public const string SecretsUnit = "datum-secrets.service";
    public const string FirewallUnit = "datum-firewall.service";

    /// <summary>Source of files that the renderer makes itself.</summary>
    public const string Own = "the bootstrap itself";

    private const int Private = 0b110_000_000;

    public InstanceSpec Spec => spec;

    public GuestOptions Options => options;

    public GuestPayloads Payloads => payloads;

    /// <summary>Names the secrets document that belongs to this rendering.</summary>
    public string Revision => revision;

    public List<Finding> Findings { get; } = [];

    public List<GuestFile> Files { get; } = [];

    /// <summary>Files below <see cref="SecretFolder"/>; their paths are relative to it.</summary>
    public List<GuestFile> SecretFiles { get; } = [];

    public List<(string Path, int Mode)> Directories { get; } = [];

    public List<string> SecretDirectories { get; } = [];

    public List<GuestUnit> Units { get; } = [];

    public List<GuestUser> Users { get; } = [];

    /// <summary>Commands before anything else at first boot (cloud-init): program and arguments.</summary>
    public List<ImmutableArray<string>> EarlyCommands { get; } = [];

    /// <summary>Units whose success the containers need, by volume name.</summary>
    public Dictionary<string, List<string>> VolumeUnits { get; } = [];

    public bool HasSecrets => SecretFiles.Count > 0 || SecretDirectories.Count > 0;

    public bool SecretsInUserData => options.Secrets == SecretRoute.UserData;

    public void Refuse(string path, string message, string? capability = null) =>
        Findings.Add(new Finding { Path = path, Message = message, Capability = capability });

    /// <summary>Bytes in the user data by where they come from, before encoding.</summary>
    public Dictionary<string, long> Weights { get; } = [];

    /// <summary>Counts bytes of a payload; a secret's only where it is in the user data.</summary>
    public void Weigh(string source, int bytes, bool secret = false)
    {
        if (!secret || SecretsInUserData)
            Weights[source] = Weights.GetValueOrDefault(source) + bytes;
    }

    public void AddText(string path, int mode, string content) => Files.Add(new GuestFile(path, mode, Encoding.UTF8.GetBytes(content), Own));

    public void AddPrivate(string path, ReadOnlyMemory<byte> content, string source) => Files.Add(new GuestFile(path, Private, content, source));

    public void AddSecret(string relative, ReadOnlyMemory<byte> content, string source, int mode = Private) =>
        SecretFiles.Add(new GuestFile(relative, mode, content, source));

    /// <summary>A script that a unit starts with <c>/bin/sh</c>.</summary>
    public string AddScript(string name, string content)
    {
        var path = $"{Folder}/bin/{name}.sh";
        Files.Add(new GuestFile(path, 0b111_000_000, Encoding.UTF8.GetBytes("#!/bin/sh\n" + content), Own));
        return path;
    }

    public static string SourceOf(PayloadReference payload) => $"{(payload.Secret ? "secret" : "config map")} '{payload.Name}'";
}
