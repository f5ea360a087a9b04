using Datum.Providers.Clouds.Proxmox;
using Datum.Providers.Testing;

namespace Datum.Providers.Drivers.Proxmox.Tests.Double;

/// <summary>The platform's own API schemas, from the reference folder. Read once each; the use that all tests made of them is reported at the end.</summary>
internal static class Schemas
{
    private static readonly Lazy<ApiSchema?> Nine = new(() => Load("pve-9.apidoc.json"));
    private static readonly Lazy<ApiSchema?> Eight = new(() => Load("pve-8.4.apidoc.json"));

    /// <summary>Null where the folder isn't there: the double then answers without being held to anything.</summary>
    public static ApiSchema? For(string release) => release.StartsWith('8') ? Eight.Value : Nine.Value;

    private static ApiSchema? Load(string name) =>
        SharedFolder.PathOrNull is { } shared && Path.Combine(shared, "specs", "proxmox", name) is var file && File.Exists(file) ? ApiSchema.Load(file) : null;
}
