using System.Text.Json;
using System.Text.Json.Serialization;

namespace Datum.Providers.Drivers.Gcp;

/// <summary>ProviderConfig <c>spec.settings</c>. Defaults stand in the getters: generated JSON readers set every member.</summary>
internal sealed record GcpSettings
{
    /// <summary>How the session signs in.</summary>
    public AuthenticationSettings Authentication { get => field ?? new AuthenticationSettings(); init; }

    /// <summary>Addresses beside <c>spec.endpoint</c>.</summary>
    public EndpointSettings Endpoints { get => field ?? new EndpointSettings(); init; }

    /// <summary>The service account that instances run as; without one they have none, and secrets are refused.</summary>
    public string? InstanceServiceAccount { get; init; }

    /// <summary><c>Ephemeral</c> (the first interface gets one) or <c>None</c>.</summary>
    public string ExternalAddresses { get => field ?? "Ephemeral"; init; }

    /// <summary><c>PREMIUM</c> or <c>STANDARD</c>.</summary>
    public string NetworkTier { get => field ?? "PREMIUM"; init; }

    /// <summary><c>None</c>, <c>Internal</c> or <c>External</c>: what IPv6 addresses instances have beside IPv4, from prefixes that the platform chooses.</summary>
    public string Ipv6 { get => field ?? "None"; init; }

    /// <summary>The boot image of sandboxes: cloud-init and podman 4.3 or newer, or <see cref="SandboxPackages"/> that bring it.</summary>
    public string SandboxImage { get => field ?? "projects/ubuntu-os-cloud/global/images/family/ubuntu-2404-lts-amd64"; init; }

    /// <summary>What cloud-init installs at the first boot of a sandbox.</summary>
    public ImmutableArray<string> SandboxPackages { get => field.IsDefault ? ["podman"] : field; init; }

    /// <summary>Size of a sandbox's boot disk in whole GiB.</summary>
    public int? SandboxDiskGiB { get => field ?? 25; init; }

    /// <summary>Whether guests report their health on serial port 1.</summary>
    public bool? GuestBeacon { get => field ?? true; init; }

    public const string Schema = """
        {"type":"object","properties":{
          "authentication":{"type":"object","properties":{
            "mode":{"type":"string","enum":["Key","Federation","Metadata","None"],"description":"How the driver signs in. Without it: by the credentials that are there, and from the metadata server where there are none."},
            "impersonate":{"type":"string","minLength":6,"maxLength":320,"description":"A service account to act as, by e-mail address."},
            "delegates":{"type":"array","maxItems":8,"items":{"type":"string","minLength":6,"maxLength":320},"description":"Service accounts between the caller and the one to act as, in order."}}},
          "endpoints":{"type":"object","properties":{
            "secretManager":{"type":"string","minLength":8,"description":"Address of Secret Manager. Default https://secretmanager.googleapis.com, or spec.endpoint where that is set."},
            "iamCredentials":{"type":"string","minLength":8,"description":"Address for impersonation. Default https://iamcredentials.googleapis.com, or spec.endpoint where that is set."},
            "metadata":{"type":"string","minLength":8,"description":"Address of the metadata server. Default http://metadata.google.internal."}}},
          "instanceServiceAccount":{"type":"string","minLength":6,"maxLength":320,"description":"E-mail address of the service account that instances run as. Needed for secrets."},
          "externalAddresses":{"type":"string","enum":["Ephemeral","None"],"default":"Ephemeral","description":"Whether an instance's first interface gets an address that is reachable from outside."},
          "networkTier":{"type":"string","enum":["PREMIUM","STANDARD"],"default":"PREMIUM","description":"Tier of external addresses."},
          "ipv6":{"type":"string","enum":["None","Internal","External"],"default":"None","description":"IPv6 beside IPv4 in networks and subnetworks made from then on: Internal from a /48 of fd20::/20 for each network, External reachable from outside. The platform chooses the prefixes."},
          "sandboxImage":{"type":"string","minLength":1,"description":"Boot image of sandboxes, as a path."},
          "sandboxPackages":{"type":"array","maxItems":16,"items":{"type":"string","minLength":1},"description":"Packages that cloud-init installs at a sandbox's first boot; empty where the image has podman."},
          "sandboxDiskGiB":{"type":"integer","minimum":10,"maximum":65536,"default":25,"description":"Size of a sandbox's boot disk."},
          "guestBeacon":{"type":"boolean","default":true,"description":"Whether guests report their health on serial port 1."}}}
        """;
}

/// <summary>How a session signs in.</summary>
internal sealed record AuthenticationSettings
{
    /// <summary>Key, Federation, Metadata or None; null: by what is there.</summary>
    public string? Mode { get; init; }

    /// <summary>A service account to act as.</summary>
    public string? Impersonate { get; init; }

    /// <summary>Those between.</summary>
    public ImmutableArray<string> Delegates { get => field.IsDefault ? [] : field; init; }
}

/// <summary>Addresses of other services than Compute Engine.</summary>
internal sealed record EndpointSettings
{
    public string? SecretManager { get; init; }

    public string? IamCredentials { get; init; }

    public string? Metadata { get; init; }
}

/// <summary>The Location's block: where.</summary>
internal sealed record GcpLocation
{
    public string? ProjectId { get; init; }

    public string? Region { get; init; }

    public string? Zone { get; init; }

    /// <summary>The region, also where only the zone is said.</summary>
    [JsonIgnore]
    public string? AnyRegion => Region ?? (Zone?.LastIndexOf('-') is > 0 and var dash ? Zone[..dash] : null);

    /// <summary>A zone of another region: machines would find no subnet there. Null when the two agree, or one isn't said.</summary>
    [JsonIgnore]
    public Finding? Contradiction => Region is { Length: > 0 } region && Zone is { Length: > 0 } zone && !zone.StartsWith(region + "-", StringComparison.Ordinal)
        ? new Finding { Path = "location.zone", Message = $"The zone {zone} isn't one of the region {region}." } : null;

    public const string Schema = """
        {"type":"object","required":["projectId","region","zone"],"properties":{
          "projectId":{"type":"string","minLength":6,"maxLength":63,"pattern":"^[a-z][a-z0-9.:-]*[a-z0-9]$","description":"The Google Cloud project."},
          "region":{"type":"string","minLength":1,"maxLength":63,"pattern":"^[a-z][-a-z0-9]*[a-z0-9]$","description":"The region of subnets and addresses, e.g. us-central1."},
          "zone":{"type":"string","minLength":1,"maxLength":63,"pattern":"^[a-z][-a-z0-9]*[a-z0-9]$","description":"The zone of disks and instances, e.g. us-central1-a."}}}
        """;

    /// <summary>Null for what isn't the driver's schema.</summary>
    public static GcpLocation? Parse(string? json)
    {
        if (json is null)
            return null;
        try
        {
            return JsonSerializer.Deserialize(json, SettingsJson.Default.GcpLocation);
        }
        catch (JsonException)
        {
            // The finding about the missing field says so.
            return null;
        }
    }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(GcpSettings))]
[JsonSerializable(typeof(GcpLocation))]
internal sealed partial class SettingsJson : JsonSerializerContext;
