using System.Buffers.Binary;
using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;
using System.Reflection.PortableExecutable;

namespace Datum.Providers.Host.Loader;

/// <summary>
/// Which methods of an assembly call Environment.Exit. The runtime inlines that call, so that a stack shows the caller alone, waiting in the
/// runtime as it may wait for anything: that its code holds the call tells one from the other.
/// </summary>
internal static class ExitCalls
{
    private const byte Call = 0x28;

    /// <summary>Tokens of the methods; empty for nearly every assembly.</summary>
    public static IReadOnlyList<int> Of(PEReader image, MetadataReader metadata)
    {
        if (metadata.MemberReferences.FirstOrDefault(h => IsExit(metadata, h)) is not { IsNil: false } exit)
            return [];
        Span<byte> instruction = stackalloc byte[5];
        instruction[0] = Call;
        BinaryPrimitives.WriteInt32LittleEndian(instruction[1..], MetadataTokens.GetToken(exit));
        List<int> found = [];
        foreach (var handle in metadata.MethodDefinitions)
            if (metadata.GetMethodDefinition(handle) is { RelativeVirtualAddress: not 0 and var address }
                && image.GetMethodBody(address).GetILContent().AsSpan().IndexOf(instruction) >= 0)
                found.Add(MetadataTokens.GetToken(handle));
        return found;
    }

    private static bool IsExit(MetadataReader metadata, MemberReferenceHandle handle)
    {
        var member = metadata.GetMemberReference(handle);
        return member.Parent.Kind == HandleKind.TypeReference && metadata.StringComparer.Equals(member.Name, nameof(Environment.Exit))
            && metadata.GetTypeReference((TypeReferenceHandle)member.Parent) is var type
            && metadata.StringComparer.Equals(type.Name, nameof(Environment)) && metadata.StringComparer.Equals(type.Namespace, nameof(System));
    }
}
