using System.Text.Json;

namespace Datum.Providers.Host.Loader;

/// <summary>What to pack; null members come from a driver.json in the source, else from the entry assembly.</summary>
internal sealed record PackRequest
{
    /// <summary>The folder that the project was built to.</summary>
    public required string Source { get; init; }

    /// <summary>The driver goes to a folder of its id below this one.</summary>
    public required string Target { get; init; }

    public string? Id { get; init; }

    public string? LocationKey { get; init; }

    public string? EntryAssembly { get; init; }

    public string? EntryType { get; init; }

    public string? Version { get; init; }

    public string? ContractMin { get; init; }

    public string? ContractMax { get; init; }

    /// <summary>PEM file of the private key that signs; null for no signature.</summary>
    public string? SignKey { get; init; }
}

/// <summary>A packed driver.</summary>
/// <param name="Folder">Full path.</param>
/// <param name="LeftOut">Files of the source that are no part of a driver.</param>
/// <param name="SignedBy">Id of the key that it was signed with; null when it wasn't.</param>
internal sealed record PackedDriver(string Folder, DriverManifest Manifest, IReadOnlyList<string> LeftOut, string? SignedBy);

/// <summary>
/// Makes a driver folder of a built project: its files, and driver.json with the SHA-256 of each. The same input gives the same bytes, and
/// the same as build/DriverPack.targets. The folder appears whole or not at all, after it passed the loader's own checks.
/// </summary>
internal static class DriverPacker
{
    private static readonly HashSet<string> s_hostsOwn = HostsOwn();

    /// <summary>Throws <see cref="DriverPackException"/>.</summary>
    public static PackedDriver Pack(PackRequest request)
    {
        var source = Path.GetFullPath(request.Source);
        if (!Directory.Exists(source))
            throw new DriverPackException($"{source} is no folder. Name the folder that the driver's project was built to, such as bin/Release/net10.0.");
        var former = ReadFormer(source);
        var (taken, leftOut) = Choose(source);
        var entry = request.EntryAssembly ?? former?.EntryAssembly ?? FindEntry(taken);
        if (!taken.Contains(entry))
            throw new DriverPackException($"{entry} isn't in {source}. Name the driver's assembly with --entry-assembly.");
        RefuseHostsAssemblies(source, taken);
        var facts = AssemblyFacts.Read(Path.Combine(source, entry));
        var id = request.Id ?? former?.Id ?? throw new DriverPackException("The driver's id isn't known: name it with --id (1 to 40 of a-z, 0-9 and -).");
        var json = DriverManifestWriter.Write(new ManifestDocument
        {
            FormatVersion = DriverManifest.SupportedFormat,
            Id = id,
            Version = request.Version ?? former?.Version ?? facts.Version,
            Contract = new ManifestContract { Min = request.ContractMin ?? former?.Contract?.Min ?? (facts.Contract ?? Contract.Version).ToString(), Max = request.ContractMax ?? former?.Contract?.Max ?? $"{Contract.Version.Major}" },
            LocationKey = request.LocationKey ?? former?.LocationKey ?? throw new DriverPackException("The key under Location.spec.provider isn't known: name it with --location-key."),
            EntryAssembly = entry,
            EntryType = request.EntryType ?? former?.EntryType ?? facts.EntryType(entry),
            TargetFramework = facts.Framework ?? former?.TargetFramework,
        }, Ordered(taken, entry, former).Select(f => KeyValuePair.Create(f, DriverVerifier.Digest(File.ReadAllBytes(Path.Combine(source, f))))));
        var (manifest, signer) = Publish(request, source, taken, id, json);
        return new PackedDriver(Path.Combine(Path.GetFullPath(request.Target), id), manifest, leftOut, signer);
    }

    private static ManifestDocument? ReadFormer(string source)
    {
        var path = Path.Combine(source, DriverFinder.ManifestName);
        if (!File.Exists(path))
            return null;
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), ManifestJson.Default.ManifestDocument);
        }
        catch (JsonException e)
        {
            throw new DriverPackException($"{path} can't be read: {e.Message} Correct it, or remove it and give --id and --location-key.");
        }
    }

    private static (HashSet<string> Taken, List<string> LeftOut) Choose(string source)
    {
        HashSet<string> taken = new(StringComparer.Ordinal);
        List<string> leftOut = [];
        foreach (var path in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            var file = Path.GetRelativePath(source, path).Replace(Path.DirectorySeparatorChar, '/');
            if (file == DriverFinder.ManifestName)
                continue;
            // A signature is made of driver.json, which is written anew.
            if (file == DriverSignature.FileName)
            {
                leftOut.Add(file);
                continue;
            }

            // Symbols and documentation are for builds; a library has no runtimeconfig.
            if (Path.GetExtension(file) is ".pdb" or ".xml" || file.EndsWith(".runtimeconfig.json", StringComparison.Ordinal))
                leftOut.Add(file);
            else
                taken.Add(file);
        }

        return (taken, leftOut);
    }

    private static string FindEntry(HashSet<string> files)
    {
        var described = files.Where(f => f.EndsWith(".deps.json", StringComparison.Ordinal) && files.Contains(f[..^".deps.json".Length] + ".dll")).Select(f => f[..^".deps.json".Length] + ".dll").ToList();
        return described.Count == 1
            ? described[0]
            : throw new DriverPackException(described.Count == 0
                ? "No assembly of the folder has a .deps.json, so that the driver's own can't be told. Build with EnableDynamicLoading=true, or name it with --entry-assembly."
                : $"{string.Join(" and ", described.Order(StringComparer.Ordinal))} could each be the driver. Name it with --entry-assembly.");
    }

    private static void RefuseHostsAssemblies(string source, IEnumerable<string> files)
    {
        foreach (var file in files.Where(f => f.EndsWith(".dll", StringComparison.OrdinalIgnoreCase)).Order(StringComparer.Ordinal))
            if (AssemblyFacts.NameOf(Path.Combine(source, file)) is { } name)
            {
                if (SharedAssemblies.IsOnSurface(name))
                    throw new DriverPackException($"{file} is a copy of {name}, whose types pass between host and driver: they would be other types than the host's. Reference it without copying it (Private=false, ExcludeAssets=runtime) and build again.");
                if (s_hostsOwn.Contains(name))
                    throw new DriverPackException($"{file} belongs to the host, not to a driver: a driver references Datum.Providers.Abstractions and, if it likes, Datum.Providers.Sdk. Remove the reference to {name} and build again.");
            }
    }

    // A manifest that is refreshed keeps its order: nothing changed means that not a byte does, and so not the digest that is trusted.
    private static IEnumerable<string> Ordered(HashSet<string> files, string entry, ManifestDocument? former)
    {
        var kept = former?.Files?.Keys.Where(files.Contains).ToList() ?? [];
        return kept.Concat(files.Except(kept, StringComparer.Ordinal)
            .OrderBy(f => f == entry ? 0 : f.EndsWith(".dll", StringComparison.OrdinalIgnoreCase) ? 1 : 2).ThenBy(f => f, StringComparer.Ordinal));
    }

    private static (DriverManifest Manifest, string? SignedBy) Publish(PackRequest request, string source, IEnumerable<string> files, string id, byte[] json)
    {
        var target = Directory.CreateDirectory(request.Target).FullName;
        // The loader passes over names that begin with a dot.
        var (folder, fresh, old) = (Path.Combine(target, id), Path.Combine(target, $".{id}.new"), Path.Combine(target, $".{id}.old"));
        if (Path.GetDirectoryName(folder) != Path.TrimEndingDirectorySeparator(target))
            throw new DriverPackException($"--id '{id}': must be 1 to 40 of a-z, 0-9 and -.");
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any() && !File.Exists(Path.Combine(folder, DriverFinder.ManifestName)))
            throw new DriverPackException($"{folder} exists and is no driver's folder (it has no {DriverFinder.ManifestName}). Remove it, or pack to another folder.");
        Remove(fresh);
        Remove(old);
        try
        {
            foreach (var file in files)
            {
                var path = Path.Combine(fresh, file);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.Copy(Path.Combine(source, file), path);
            }

            File.WriteAllBytes(Path.Combine(fresh, DriverFinder.ManifestName), json);
            var signer = request.SignKey is { } key ? DriverSignature.Sign(fresh, key) : null;
            var canonical = CanonicalPath.Resolve(fresh);
            var packed = new DriverFolder(fresh, canonical, Path.GetDirectoryName(canonical)!);
            var manifest = DriverVerifier.Verify(packed, DriverVerifier.ReadManifest(packed), new DriverVolumeOptions { Path = target }).Manifest;
            if (Directory.Exists(folder))
                Directory.Move(folder, old);
            try
            {
                Directory.Move(fresh, folder);
            }
            catch (IOException) when (Directory.Exists(old) && !Directory.Exists(folder))
            {
                Directory.Move(old, folder);
                throw;
            }
            return (manifest, signer);
        }
        catch (DriverRejectedException e)
        {
            throw new DriverPackException($"The loader would refuse what was packed ({e.Reason}): {e.Message.Replace(fresh, folder, StringComparison.Ordinal)}");
        }
        finally
        {
            Remove(fresh);
            Remove(old);
        }
    }

    private static void Remove(string folder)
    {
        if (Directory.Exists(folder))
            Directory.Delete(folder, recursive: true);
    }

    private static HashSet<string> HostsOwn()
    {
        var host = typeof(DriverPacker).Assembly;
        return [host.GetName().Name!, .. host.GetReferencedAssemblies().Select(a => a.Name!).Where(n => n.StartsWith("Datum.Providers.", StringComparison.Ordinal))];
    }
}

/// <summary>A project's output can't be made a driver folder; the message says why and what to do.</summary>
internal sealed class DriverPackException(string message) : Exception(message);
