using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace TestDrivers;

/// <summary>TypeDescriptor keeps what it found of a type in caches of its own assembly.</summary>
public sealed class TypeConverterFactory() : ProbeFactory("special")
{
    public override ValueTask<string> DoAsync()
    {
        var properties = TypeDescriptor.GetProperties(typeof(Shape));
        var shape = new Shape();
        properties[nameof(Shape.Sides)]!.SetValue(shape, TypeDescriptor.GetConverter(typeof(int)).ConvertFromInvariantString("3"));
        var colour = TypeDescriptor.GetConverter(typeof(Colour)).ConvertToInvariantString(Colour.Red);
        return ValueTask.FromResult($"{shape.Sides} sides, {colour}");
    }

    public sealed class Shape
    {
        public int Sides { get; set; }
    }

    public enum Colour
    {
        Red = 1,
    }
}

public sealed class ValidatorFactory() : ProbeFactory("special")
{
    public override ValueTask<string> DoAsync()
    {
        List<ValidationResult> found = [];
        var settings = new Settings { Name = "toolong", Size = 5 };
        Validator.TryValidateObject(settings, new ValidationContext(settings), found, validateAllProperties: true);
        return ValueTask.FromResult(string.Join(" ", found.SelectMany(f => f.MemberNames).Order(StringComparer.Ordinal)));
    }

    public sealed class Settings
    {
        [StringLength(3)]
        public string Name { get; set; } = "";

        [Range(1, 4)]
        public int Size { get; set; }
    }
}

/// <summary>C# dynamic: the binder keeps the types that it has seen.</summary>
public sealed class DynamicFactory() : ProbeFactory("special")
{
    public override ValueTask<string> DoAsync()
    {
        dynamic point = new Point { X = 4, Y = 5 };
        int sum = point.X + point.Y;
        string said = point.Say(sum);
        return ValueTask.FromResult(said);
    }

    public sealed class Point
    {
        public int X { get; init; }

        public int Y { get; init; }

        public string Say(int sum) => (sum * X).ToString(CultureInfo.InvariantCulture);
    }
}
