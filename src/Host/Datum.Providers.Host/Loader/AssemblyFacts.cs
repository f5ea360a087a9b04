using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace Datum.Providers.Host.Loader;

/// <summary>What an assembly's metadata says; nothing of it runs.</summary>
/// <param name="Contract">Major and minor of the contract that it refers to; null when it refers to none.</param>
internal sealed record AssemblyFacts(string Version, string? Framework, IReadOnlyList<string> Factories, Version? Contract)
{
    private const string FactoryInterface = nameof(IDriverFactory);

    public static string? NameOf(string path)
    {
        try
        {
            using var image = new PEReader(File.OpenRead(path));
            return image.HasMetadata && image.GetMetadataReader() is { IsAssembly: true } metadata ? metadata.GetString(metadata.GetAssemblyDefinition().Name) : null;
        }
        catch (BadImageFormatException)
        {
            return null; // a native library
        }
    }

    public static AssemblyFacts Read(string path)
    {
        try
        {
            using var image = new PEReader(File.OpenRead(path));
            if (image.HasMetadata && image.GetMetadataReader() is { IsAssembly: true } metadata)
                return Read(metadata);
        }
        catch (BadImageFormatException e)
        {
            throw new DriverPackException($"{path} isn't a .NET assembly: {e.Message}");
        }

        throw new DriverPackException($"{path} isn't a .NET assembly.");
    }

    public string EntryType(string file) => Factories.Count == 1
        ? Factories[0]
        : throw new DriverPackException(Factories.Count == 0
            ? $"{file} has no public class that implements {typeof(IDriverFactory).FullName}. Add one, or name it with --entry-type."
            : $"{file} has several classes that implement {FactoryInterface}: {string.Join(", ", Factories)}. Name one with --entry-type.");

    private static AssemblyFacts Read(MetadataReader metadata)
    {
        var version = Attribute(metadata, nameof(AssemblyInformationalVersionAttribute))?.Split('+')[0] ?? metadata.GetAssemblyDefinition().Version.ToString(3);
        var framework = Attribute(metadata, "TargetFrameworkAttribute") is { } name && name.StartsWith(".NETCoreApp,Version=v", StringComparison.Ordinal) ? "net" + name[(name.IndexOf('v', StringComparison.Ordinal) + 1)..] : null;
        List<string> factories = [];
        foreach (var handle in metadata.TypeDefinitions)
        {
            var type = metadata.GetTypeDefinition(handle);
            if ((type.Attributes & TypeAttributes.VisibilityMask) == TypeAttributes.Public && (type.Attributes & (TypeAttributes.Abstract | TypeAttributes.Interface)) == 0
                && Implements(metadata, type))
                factories.Add($"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}".TrimStart('.'));
        }

        factories.Sort(StringComparer.Ordinal);
        var contract = metadata.AssemblyReferences.Select(metadata.GetAssemblyReference)
            .Where(r => metadata.StringComparer.Equals(r.Name, typeof(IDriverFactory).Assembly.GetName().Name!)).Select(r => new Version(r.Version.Major, r.Version.Minor)).FirstOrDefault();
        return new AssemblyFacts(version, framework, factories, contract);
    }

    /// <summary>Itself or by a base class of the same assembly.</summary>
    private static bool Implements(MetadataReader metadata, TypeDefinition type) =>
        type.GetInterfaceImplementations().Any(i => IsFactory(metadata, metadata.GetInterfaceImplementation(i).Interface))
        || (type.BaseType.Kind == HandleKind.TypeDefinition && Implements(metadata, metadata.GetTypeDefinition((TypeDefinitionHandle)type.BaseType)));

    private static bool IsFactory(MetadataReader metadata, EntityHandle handle) =>
        handle.Kind == HandleKind.TypeReference && metadata.GetTypeReference((TypeReferenceHandle)handle) is var type
        && metadata.GetString(type.Name) == FactoryInterface && metadata.GetString(type.Namespace) == typeof(IDriverFactory).Namespace;

    /// <summary>The first argument, a text, of an attribute of the assembly.</summary>
    private static string? Attribute(MetadataReader metadata, string name)
    {
        foreach (var handle in metadata.GetAssemblyDefinition().GetCustomAttributes())
        {
            var attribute = metadata.GetCustomAttribute(handle);
            if (attribute.Constructor.Kind != HandleKind.MemberReference || metadata.GetMemberReference((MemberReferenceHandle)attribute.Constructor).Parent is not { Kind: HandleKind.TypeReference } parent
                || metadata.GetString(metadata.GetTypeReference((TypeReferenceHandle)parent).Name) != name)
                continue;
            var value = metadata.GetBlobReader(attribute.Value);
            value.ReadUInt16();
            return value.ReadSerializedString();
        }

        return null;
    }
}
