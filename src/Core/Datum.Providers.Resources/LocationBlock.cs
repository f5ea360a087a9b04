using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Datum.Providers.Resources.Networking;

namespace Datum.Providers.Resources;

/// <summary>The provider block of a Location: the driver that serves it and what it says to that driver.</summary>
/// <param name="Driver">The key of the block.</param>
/// <param name="Block">The block: a JSON object, possibly without members.</param>
/// <param name="Source">The field that carried it, for messages.</param>
public sealed record LocationBlock(string Driver, JsonElement Block, string Source)
{
    private const string SpecField = "spec.provider";
    private const string AnnotationField = $"metadata.annotations[{Annotations.Provider}]";

    /// <summary>
    /// Reads the block from <c>spec.provider</c> or, where a plane's schema pruned it, from the annotation. The error names the field.
    /// Both may carry it only if they agree.
    /// </summary>
    public static bool TryRead(Location location, [NotNullWhen(true)] out LocationBlock? block, [NotNullWhen(false)] out string? error)
    {
        ArgumentNullException.ThrowIfNull(location);
        block = null;

        if (!TryReadAnnotation(location.Metadata.Annotation(Annotations.Provider), out var fromAnnotation, out error))
        {
            return false;
        }

        var members = location.Spec.Provider;
        if (members is null || members.Count == 0)
        {
            block = fromAnnotation;
            error = block is not null ? null : members is null
                ? $"{SpecField} is missing; it needs exactly one block, whose key is the driver."
                : $"{SpecField} is empty; it needs exactly one block, whose key is the driver. "
                    + $"If this plane drops unknown blocks, use the annotation {Annotations.Provider}.";
            return block is not null;
        }

        if (!TryReadSingle(members.Select(m => (m.Key, m.Value)), SpecField, out var fromSpec, out error))
        {
            return false;
        }

        if (fromAnnotation is not null
            && !(string.Equals(fromAnnotation.Driver, fromSpec.Driver, StringComparison.Ordinal) && JsonElement.DeepEquals(fromAnnotation.Block, fromSpec.Block)))
        {
            error = $"{SpecField}.{fromSpec.Driver} and {AnnotationField} carry different blocks; remove one of them.";
            return false;
        }

        block = fromSpec;
        return true;
    }

    private static bool TryReadAnnotation(string? text, out LocationBlock? block, [NotNullWhen(false)] out string? error)
    {
        block = null;
        error = null;
        if (text is null)
        {
            return true;
        }

        JsonElement root;
        try
        {
            root = JsonElement.Parse(text, new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            error = $"{AnnotationField} isn't JSON: {e.Message}";
            return false;
        }

        if (root.ValueKind != JsonValueKind.Object)
        {
            error = $"{AnnotationField} must be a JSON object with exactly one block.";
            return false;
        }

        return TryReadSingle(root.EnumerateObject().Select(p => (p.Name, p.Value)), AnnotationField, out block, out error);
    }

    private static bool TryReadSingle(
        IEnumerable<(string Key, JsonElement Value)> members, string field, [NotNullWhen(true)] out LocationBlock? block, [NotNullWhen(false)] out string? error)
    {
        block = null;
        var all = members.ToList();
        error = all.Count switch
        {
            0 => $"{field} is empty; it needs exactly one block, whose key is the driver.",
            > 1 => $"{field} has {all.Count} blocks ({string.Join(", ", all.Select(m => m.Key).Order(StringComparer.Ordinal))}); it needs exactly one.",
            _ when all[0].Key.Length == 0 => $"{field} has a block with an empty key; the key is the driver.",
            _ when all[0].Value.ValueKind != JsonValueKind.Object => $"{field}.{all[0].Key} must be an object.",
            _ => null,
        };
        if (error is not null)
        {
            return false;
        }

        block = new LocationBlock(all[0].Key, all[0].Value, field);
        return true;
    }
}
