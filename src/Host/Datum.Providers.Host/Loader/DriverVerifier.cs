using System.Collections.Immutable;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using System.Security.Cryptography;

namespace Datum.Providers.Host.Loader;

/// <summary>A .NET assembly of a driver's folder.</summary>
/// <param name="File">Relative path.</param>
/// <param name="Id">The module's version id: two builds never have the same one.</param>
/// <param name="Exits">Tokens of its methods that call Environment.Exit.</param>
internal sealed record DriverModule(string File, string Name, Version Version, Guid Id, IReadOnlyList<int> Exits);

/// <summary>A folder whose files are what its manifest says.</summary>
internal sealed record VerifiedDriver(DriverFolder Folder, DriverManifest Manifest)
{
    private const long MaxFileBytes = DriverVerifier.MaxFileBytes;

    /// <summary>The accepted key that signed it; null where no keys are asked for.</summary>
    public string? SignedBy { get; set; }

    /// <summary>What the checks found on their way.</summary>
    public List<DriverModule> Modules { get; } = [];

    /// <summary>Files that are native libraries, by their first bytes (ELF).</summary>
    public List<string> Natives { get; } = [];

    /// <summary>A file that was another one when it was loaded; null when there was none.</summary>
    public string? Changed { get; private set; }

    /// <summary>The bytes of a listed file, read once and compared with the manifest: what is returned is what was verified, also when the file changed since.</summary>
    public byte[] Read(string file)
    {
        var bytes = RegularFile.Read(Path.Combine(Folder.CanonicalPath, file), MaxFileBytes);
        if (DriverVerifier.Digest(bytes) == Manifest.Files[file])
            return bytes;
        Changed = file;
        throw new IOException($"{file} of driver {Manifest.Id} changed after it was verified; it isn't loaded. Restart the host once the driver volume is at rest.");
    }
}

/// <summary>One check of a driver folder.</summary>
internal sealed record DriverCheck(string Name, Action Run);

/// <summary>Phases 2 and 3: everything that can be known of a driver before any of its code runs.</summary>
internal static class DriverVerifier
{
    public const long MaxFileBytes = 512L * 1024 * 1024;

    private const long MaxTotalBytes = 2L * 1024 * 1024 * 1024;
    private const int NamesInMessage = 5;

    public static string Digest(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Phase 2.</summary>
    public static DriverManifest ReadManifest(DriverFolder folder)
    {
        var path = Path.Combine(folder.CanonicalPath, DriverFinder.ManifestName);
        if (!File.Exists(path))
            throw new DriverRejectedException(DriverPhase.Manifest, DriverRejectionReason.ManifestMissing,
                $"{folder.Path} has no {DriverFinder.ManifestName}. A driver folder holds the files that its build packed; remove the folder, or pack the driver again.");
        DriverFiles.RefuseLinkOut(folder, path, DriverPhase.Manifest);
        try
        {
            return DriverManifest.Parse(ReadFile(path, DriverManifest.MaxBytes, DriverPhase.Manifest));
        }
        catch (FormatException e)
        {
            throw new DriverRejectedException(DriverPhase.Manifest, DriverRejectionReason.ManifestInvalid,
                $"{path}: {e.Message} Pack the driver again; the file isn't meant to be edited.");
        }
    }

    /// <summary>Phase 3.</summary>
    public static VerifiedDriver Verify(DriverFolder folder, DriverManifest manifest, DriverVolumeOptions options)
    {
        var driver = new VerifiedDriver(folder, manifest);
        foreach (var check in Checks(driver, options))
            check.Run();
        return driver;
    }

    /// <summary>What phase 3 checks, in this order; each throws <see cref="DriverRejectedException"/> by itself. What they find is kept in <paramref name="driver"/>.</summary>
    public static IReadOnlyList<DriverCheck> Checks(VerifiedDriver driver, DriverVolumeOptions options)
    {
        var (folder, manifest) = driver;
        List<DriverCheck> checks =
        [
            new("selected", () => RefuseNotSelected(manifest, options)),
            new("trusted", () => RefuseNotTrusted(manifest, options)),
        ];
        if (options.Keys is { } keys)
            checks.Add(new DriverCheck("signature", () => driver.SignedBy = DriverSignature.Verify(folder, manifest, keys)));
        if (options.Crashes is { } crashes)
            checks.Add(new DriverCheck("crashes", () => RefuseCrashed(manifest, crashes)));
        return
        [
            .. checks,
            new("contract", () => RefuseOtherContract(manifest)),
            new("framework", () => RefuseNewerFramework(manifest)),
            new("files", () => CompareFiles(folder, manifest)),
            new("digests", () => ReadListed(driver, manifest.Files.Keys, (file, _, bytes) =>
            {
                if (bytes.AsSpan().StartsWith("\u007fELF"u8))
                    driver.Natives.Add(file);
            })),
            new("assemblies", () => ReadListed(driver, manifest.Files.Keys.Where(IsLibrary), (file, path, bytes) => VerifyAssembly(driver, file, path, bytes))),
        ];
    }

    /// <summary>The bytes of a file that isn't listed with a digest.</summary>
    public static byte[] ReadFile(string path, long maxBytes, DriverPhase phase)
    {
        try
        {
            return RegularFile.Read(path, maxBytes);
        }
        catch (NotRegularFileException e)
        {
            throw new DriverRejectedException(phase, DriverRejectionReason.Unreadable, e.Message);
        }
    }

    private static void RefuseCrashed(DriverManifest manifest, ICrashBook crashes)
    {
        if (crashes.WhyNot(manifest) is { } reason)
            throw Rejected(DriverRejectionReason.CrashedRepeatedly, reason);
    }

    private static void RefuseNotSelected(DriverManifest manifest, DriverVolumeOptions options)
    {
        if (options.Only is { } only && !only.Contains(manifest.Id))
            throw Rejected(DriverRejectionReason.NotSelected, $"Driver {manifest.Id} isn't among the drivers that this host was told to start ({string.Join(", ", only.Order(StringComparer.Ordinal))}).");
    }

    private static void RefuseNotTrusted(DriverManifest manifest, DriverVolumeOptions options)
    {
        if (options.TrustedDigests is { } trusted && !trusted.Contains(manifest.Digest))
            throw Rejected(DriverRejectionReason.NotTrusted, $"{DriverFinder.ManifestName} of driver {manifest.Id} has SHA-256 {manifest.Digest}, which isn't among the trusted digests. Add it if you trust this build.");
    }

    private static void RefuseOtherContract(DriverManifest manifest)
    {
        var contract = Contract.Version;
        if (contract < manifest.ContractMin || contract > manifest.ContractMax)
            throw Rejected(DriverRejectionReason.ContractMismatch,
                $"Driver {manifest.Id} {manifest.Version} runs on contract {manifest.ContractMin} to {Range(manifest.ContractMax)}; this host has {contract}. Take the driver's release for this contract.");
    }

    private static void RefuseNewerFramework(DriverManifest manifest)
    {
        var framework = Environment.Version;
        if (manifest.Framework > new Version(framework.Major, framework.Minor))
            throw Rejected(DriverRejectionReason.FrameworkMismatch,
                $"Driver {manifest.Id} was built for .NET {manifest.Framework}; this host runs on {framework}. Take a driver built for net{framework.Major}.{framework.Minor}.");
    }

    private static void CompareFiles(DriverFolder folder, DriverManifest manifest)
    {
        var found = DriverFiles.List(folder).ToImmutableHashSet(StringComparer.Ordinal);
        var missing = manifest.Files.Keys.Where(f => !found.Contains(f)).ToList();
        if (missing.Count > 0)
            throw Rejected(DriverRejectionReason.FileMissing, $"{Names(missing)} listed in {DriverFinder.ManifestName} of driver {manifest.Id} but not in {folder.Path}. Copy the driver again, completely.");
        var extra = found.Where(f => !manifest.Files.ContainsKey(f)).Order(StringComparer.Ordinal).ToList();
        if (extra.Count > 0)
            throw Rejected(DriverRejectionReason.FileNotListed, $"{Names(extra)} in {folder.Path} but not listed in {DriverFinder.ManifestName} of driver {manifest.Id}. Remove what doesn't belong there, or pack the driver again.");
    }

    /// <summary>Reads files and compares each with its digest before anything else looks at it.</summary>
    private static void ReadListed(VerifiedDriver driver, IEnumerable<string> files, Action<string, string, byte[]> look)
    {
        var (folder, manifest) = driver;
        var total = 0L;
        foreach (var file in files)
        {
            var path = Path.Combine(folder.CanonicalPath, file);
            var bytes = ReadFile(path, MaxFileBytes, DriverPhase.Verify);
            if ((total += bytes.Length) > MaxTotalBytes)
                throw Rejected(DriverRejectionReason.Unreadable, $"{folder.Path} has more than {MaxTotalBytes} bytes; that is no driver.");
            if (Digest(bytes) is var actual && actual != manifest.Files[file])
                throw Rejected(DriverRejectionReason.DigestMismatch,
                    $"{path} isn't the file that was packed: SHA-256 is {actual}, {DriverFinder.ManifestName} says {manifest.Files[file]}. Copy driver {manifest.Id} again from a source that you trust.");
            look(file, path, bytes);
        }
    }

    private static bool IsLibrary(string file) => Path.GetExtension(file).Equals(".dll", StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads names and references from metadata alone.</summary>
    private static void VerifyAssembly(VerifiedDriver driver, string file, string path, byte[] bytes)
    {
        var manifest = driver.Manifest;
        try
        {
            using var image = new PEReader([.. bytes]);
            if (image.HasMetadata && image.GetMetadataReader() is { IsAssembly: true } metadata)
            {
                VerifyReferences(manifest, path, metadata);
                var definition = metadata.GetAssemblyDefinition();
                driver.Modules.Add(new DriverModule(file, metadata.GetString(definition.Name), definition.Version, metadata.GetGuid(metadata.GetModuleDefinition().Mvid), ExitCalls.Of(image, metadata)));
                return;
            }
        }
        catch (BadImageFormatException e) when (file == manifest.EntryAssembly)
        {
            throw Rejected(DriverRejectionReason.NotAnAssembly, $"{path} isn't a .NET assembly: {e.Message}");
        }
        catch (BadImageFormatException)
        {
            return; // a native library; it is loaded by name if the driver asks for it
        }

        if (file == manifest.EntryAssembly)
            throw Rejected(DriverRejectionReason.NotAnAssembly, $"{path} is no .NET assembly. Correct entryAssembly and pack driver {manifest.Id} again.");
    }

    private static void VerifyReferences(DriverManifest manifest, string path, MetadataReader metadata)
    {
        var name = metadata.GetString(metadata.GetAssemblyDefinition().Name);
        if (SharedAssemblies.IsOnSurface(name))
            throw Rejected(DriverRejectionReason.PrivateSharedAssembly,
                $"{path} is a private copy of {name}, whose types pass between host and driver: they would be other types than the host's. Reference it without copying it (Private=false, ExcludeAssets=runtime) and pack driver {manifest.Id} again.");
        foreach (var handle in metadata.AssemblyReferences)
        {
            var reference = metadata.GetAssemblyReference(handle);
            var wanted = metadata.GetString(reference.Name);
            if (SharedAssemblies.VersionFault(wanted, reference.Version) is { } fault)
                throw Rejected(wanted == SharedAssemblies.Names[0] ? DriverRejectionReason.ContractMismatch : DriverRejectionReason.FrameworkMismatch, $"{path} {fault}.");
        }
    }

    private static string Range(Version max) => max.Minor == int.MaxValue ? $"{max.Major}.x" : max.ToString();

    private static string Names(List<string> names) =>
        string.Join(", ", names.Take(NamesInMessage)) + (names.Count > NamesInMessage ? $" and {names.Count - NamesInMessage} more" : "") + (names.Count > 1 ? " are" : " is");

    private static DriverRejectedException Rejected(DriverRejectionReason reason, string message) => new(DriverPhase.Verify, reason, message);
}
